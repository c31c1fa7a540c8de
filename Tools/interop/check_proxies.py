"""`aloft echo-client` goes through proxies that are not ours, to an echo server of our own."""

import os
import shutil
import socket
import time

import certificates
from check import Skipped, check, expect, run_command
from client import COUNT, SUMMARY
from process import Aloft, Process


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_until_listening(process, port):
    until = time.monotonic() + 20
    while time.monotonic() < until:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        expect(process.is_running, f"the proxy ended: {process.output}")
        time.sleep(0.05)
    expect(False, f"the proxy does not listen: {process.output}")


class Started(Process):
    """A proxy that says nothing when it is ready: it listens."""

    def __init__(self, command, port, environment=None):
        super().__init__(["sh", "-c", 'echo started; exec "$@"', "sh", *command], "started", environment)
        self.port = port
        wait_until_listening(self, port)


def tinyproxy(context, *lines):
    if not shutil.which("tinyproxy"):
        raise Skipped("tinyproxy is not installed")
    port = free_port()
    path = os.path.join(context.directory, "tinyproxy.conf")
    with open(path, "w") as file:
        file.write("\n".join([f"Port {port}", "Listen 127.0.0.1", "Timeout 60", "MaxClients 20", "LogLevel Connect", *lines, ""]))
    return Started(["tinyproxy", "-d", "-c", path], port)


def microsocks(*options):
    if not shutil.which("microsocks"):
        raise Skipped("microsocks is not installed")
    port = free_port()
    return Started(["microsocks", "-i", "127.0.0.1", "-p", str(port), *options], port)


def echo(context, url, *options, environment=None):
    """Status and output of the client; proxies of the environment of this machine are none of its affair."""
    clean = {name: "" for name in ("https_proxy", "http_proxy", "all_proxy", "no_proxy", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY")}
    return run_command([context.aloft, "echo-client", url, "--count", str(COUNT), *options],
                       environment={**clean, **(environment or {})})


def expect_echoed(context, url, *options, environment=None):
    status, output = echo(context, url, *options, environment=environment)
    expect(status == 0, f"the client ended with {status}: {output}")
    expect(SUMMARY.search(output) is not None, f"the client printed {output!r}")


def expect_refused(context, url, words, *options):
    status, output = echo(context, url, *options)
    expect(0 < status < 128, f"the client ended with {status}: {output}")
    expect(words in output, f"the client printed {output!r}, not {words!r}")


@check("our client, tinyproxy, ws and wss")
def http_proxy(context):
    made = certificates.make(context.directory)
    with tinyproxy(context) as proxy:
        address = f"http://127.0.0.1:{proxy.port}"
        with Aloft.echo(context.aloft) as server:
            expect_echoed(context, f"ws://localhost:{server.port}/", "--proxy", address)
            expect_echoed(context, f"ws://localhost:{server.port}/", environment={"http_proxy": address})
        with Aloft.echo(context.aloft, "--tls-cert", made.certificate, "--tls-key", made.key) as server:
            for host in ("localhost", "127.0.0.1"):
                expect_echoed(context, f"wss://{host}:{server.port}/", "--proxy", address, "--ca", made.authority)
            expect_echoed(context, f"wss://localhost:{server.port}/", "--ca", made.authority, environment={"all_proxy": address})
            expect_refused(context, f"wss://localhost:{server.port}/", "not trusted", "--proxy", address)
        connects = proxy.output.count("CONNECT localhost:")
        expect(connects >= 3, f"the proxy saw {connects} connections: {proxy.output[-500:]}")
    return f"CONNECT {connects} times by name"


@check("our client, tinyproxy, user and password")
def http_proxy_authentication(context):
    with tinyproxy(context, "BasicAuth me secret") as proxy, Aloft.echo(context.aloft) as server:
        url, address = f"ws://localhost:{server.port}/", f"127.0.0.1:{proxy.port}"
        expect_echoed(context, url, "--proxy", f"http://me:secret@{address}")
        # tinyproxy answers 401 to a wrong password, and 407 to none.
        expect_refused(context, url, "credentials", "--proxy", f"http://{address}")
        expect_refused(context, url, "proxy", "--proxy", f"http://me:wrong@{address}")
    return "wrong password refused"


@check("our client, tinyproxy, a port that is not allowed")
def http_proxy_refusal(context):
    with tinyproxy(context, "ConnectPort 443") as proxy, Aloft.echo(context.aloft) as server:
        url = f"ws://localhost:{server.port}/"
        expect_refused(context, url, "403", "--proxy", f"http://127.0.0.1:{proxy.port}")
        expect_echoed(context, url, "--proxy", f"http://127.0.0.1:{proxy.port}", "--no-proxy", "localhost")
    return "403, and around it"


@check("our client, microsocks, ws and wss")
def socks_proxy(context):
    made = certificates.make(context.directory)
    with microsocks() as proxy:
        address = f"socks5://127.0.0.1:{proxy.port}"
        with Aloft.echo(context.aloft) as server:
            for host in ("localhost", "127.0.0.1"):
                expect_echoed(context, f"ws://{host}:{server.port}/", "--proxy", address)
        with Aloft.echo(context.aloft, "--tls-cert", made.certificate, "--tls-key", made.key) as server:
            for host in ("localhost", "127.0.0.1"):
                expect_echoed(context, f"wss://{host}:{server.port}/", "--proxy", address, "--ca", made.authority)
        expect_refused(context, f"ws://127.0.0.1:{free_port()}/", "refused", "--proxy", address)
    return "by name and by address"


@check("our client, microsocks, user and password")
def socks_proxy_authentication(context):
    with microsocks("-u", "me", "-P", "secret") as proxy, Aloft.echo(context.aloft) as server:
        url, address = f"ws://localhost:{server.port}/", f"127.0.0.1:{proxy.port}"
        expect_echoed(context, url, "--proxy", f"socks5://me:secret@{address}")
        expect_refused(context, url, "credentials", "--proxy", f"socks5://{address}")
        expect_refused(context, url, "does not accept", "--proxy", f"socks5h://me:wrong@{address}")
    return "wrong password refused"
