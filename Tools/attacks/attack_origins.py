"""Cross-site WebSocket hijacking: which pages may connect, as browsers and attackers write their Origin."""

from check import check, expect_equal
from process import Aloft
from watch import Watched
from wire import Peer, request


def status(server, path, host, origin):
    with Peer.connect(server.port) as peer:
        peer.send(request({"Host": host, "Origin": origin}, line=f"GET {path} HTTP/1.1"))
        return peer.read_head().status


@check("origins, of the same host")
def same_host(context):
    with Aloft.serve(context.aloft) as server, Watched(context, server, path="/echo"):
        cases = [
            ("http://example.com", 101),
            ("https://example.com", 101),
            (None, 101),
            ("http://Example.COM", 101),
            ("http://sub.example.com", 403),
            ("http://evilexample.com", 403),
            ("http://example.com.evil", 403),
            ("null", 403),
            ("", 403),
            ("http://example.com:8080", 403),
            ("http://xn--exmple-cua.com", 403),
            ("http://ex\xe4mple.com", 403),
            ("file://", 403),
            ("chrome-extension://example.com", 403),
            ("http://example.com/", 403),
            ("http://example.com@evil", 403),
            ("http://evil@example.com", 403),
            ("http://example.com, http://evil", 403),
            ("http://127.0.0.1", 403),
            ("http://localhost", 403),
            ("http://example.com.", 403),
            ("//example.com", 403),
            ("example.com", 403),
        ]
        for origin, wanted in cases:
            expect_equal(status(server, "/echo", "example.com", origin), wanted, f"status for the Origin {origin!r}")
        # Another port of this machine is another site (CVE-2026-44211: loopback is no protection).
        for host, origin in (
            (f"127.0.0.1:{server.port}", "http://127.0.0.1:3000"),
            (f"localhost:{server.port}", f"http://127.0.0.1:{server.port}"),
        ):
            expect_equal(status(server, "/ws", host, origin), 403, f"status for {origin} at {host}")
        own = f"http://127.0.0.1:{server.port}"
        expect_equal(status(server, "/ws", f"127.0.0.1:{server.port}", own), 101, "status for the page's own origin")
    return f"{len(cases) + 3} origins"


@check("origins, from a list")
def listed(context):
    options = [
        "--origin",
        "https://*.example.com",
        "--origin",
        "https://app.example.org",
        "--origin",
        "https://xn--bcher-kva.example",
    ]
    with Aloft.echo(context.aloft, *options) as server, Watched(context, server):
        cases = [
            ("https://app.example.org", 101),
            ("https://a.example.com", 101),
            ("https://a.b.example.com", 101),
            ("https://A.Example.COM", 101),
            ("https://app.example.org:443", 101),
            (None, 101),
            ("https://xn--bcher-kva.example", 101),
            ("https://b\xfccher.example", 403),
            ("https://bucher.example", 403),
            ("https://example.com", 403),
            ("https://evilexample.com", 403),
            ("https://sub.evil", 403),
            ("https://a.example.com.evil", 403),
            ("http://a.example.com", 403),
            ("https://a.example.com:8443", 403),
            ("https://.example.com", 403),
            ("https://evil/.example.com", 403),
            ("https://evil?.example.com", 403),
            ("https://evil#.example.com", 403),
            ("https://evil\\.example.com", 403),
            ("https://*.example.com", 403),
            ("null", 403),
            ("", 403),
            ("https://127.0.0.1", 403),
            ("https://app.example.org.evil", 403),
        ]
        for origin, wanted in cases:
            expect_equal(status(server, "/", "a.example", origin), wanted, f"status for the Origin {origin!r}")
    return f"{len(cases)} origins"
