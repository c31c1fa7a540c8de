"""curl asks what is no WebSocket handshake, or a bad one, and gets a proper HTTP answer."""

import re

from check import check, expect, expect_equal, run_command
from process import Aloft

HANDSHAKE = {
    "Connection": "Upgrade",
    "Upgrade": "websocket",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
}


def curl(url, headers=None, *options):
    """Status and header fields (names in lower case) of the answer."""
    command = ["curl", "--silent", "--show-error", "--http1.1", "--max-time", "10", "--include", *options]
    for name, value in (headers or {}).items():
        command += ["--header", f"{name};" if value == "" else f"{name}: {value}"]
    status, output = run_command([*command, url], 15)
    expect(output.startswith("HTTP/1.1 "), f"curl ended with {status}: {output[:300]}")
    head = output.split("\n\n")[0].split("\r\n\r\n")[0]
    fields = {name.lower(): value.strip() for name, value in re.findall(r"^([^:\s]+):(.*)$", head, re.MULTILINE)}
    return int(head.split()[1]), fields


def without(name):
    return {key: value for key, value in HANDSHAKE.items() if key != name}


@check("curl, no handshake")
def plain_requests(context):
    with Aloft.echo(context.aloft) as server:
        base = f"http://127.0.0.1:{server.port}"
        status, fields = curl(f"{base}/")
        expect_equal(status, 426, "status of a plain GET of the endpoint")
        # RFC 9110 section 15.5.22: a 426 names the protocol to change to.
        expect_equal(fields.get("upgrade", "").lower(), "websocket", "Upgrade field of the 426")
        expect_equal(curl(f"{base}/no/such/place")[0], 404, "status of an unknown path")
        expect_equal(curl(f"{base}/no/such/place", HANDSHAKE)[0], 404, "status of a handshake for an unknown path")
        status, _ = curl(f"{base}/", HANDSHAKE, "--request", "POST", "--data", "x")
        expect(400 <= status < 500, f"a handshake by POST got {status}")
    return "426, 404"


@check("curl, bad handshakes")
def bad_handshakes(context):
    cases = [
        ("version 12", {**HANDSHAKE, "Sec-WebSocket-Version": "12"}, 426),
        ("version 8", {**HANDSHAKE, "Sec-WebSocket-Version": "8"}, 426),
        ("no key", without("Sec-WebSocket-Key"), 400),
        ("a short key", {**HANDSHAKE, "Sec-WebSocket-Key": "c2hvcnQ="}, 400),
        ("no version", without("Sec-WebSocket-Version"), None),
        ("no Connection", without("Connection"), None),
        ("no Upgrade", without("Upgrade"), None),
        ("an empty Upgrade", {**HANDSHAKE, "Upgrade": ""}, None),
    ]
    with Aloft.echo(context.aloft) as server:
        for what, headers, wanted in cases:
            status, fields = curl(f"http://127.0.0.1:{server.port}/", headers)
            if wanted is None:
                expect(status in (400, 426), f"{what}: status {status}")
            else:
                expect_equal(status, wanted, f"{what}: status")
            if what.startswith("version"):
                # RFC 6455 section 4.4: the answer names the versions the server speaks.
                expect_equal(fields.get("sec-websocket-version"), "13", f"{what}: Sec-WebSocket-Version")
    return f"{len(cases)} refused"
