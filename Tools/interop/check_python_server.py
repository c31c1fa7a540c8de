"""`aloft echo-client` talks to a server made with the Python package `websockets`."""

import asyncio
import ssl
import threading

from websockets.asyncio.server import serve

import certificates
from check import check, expect, expect_equal, run_command
from client import COUNT, expect_echoed
from process import Aloft


class EchoServer:
    """Runs in a thread of its own; `connections` tells afterwards what each one was like."""

    def __init__(self, *, compression, subprotocols=None, tls=None, in_fragments=False):
        self.connections = []
        self._options = {"compression": compression, "subprotocols": subprotocols, "ssl": tls, "max_size": None}
        self._in_fragments = in_fragments
        self._started = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()), daemon=True)

    async def _serve(self):
        self._loop = asyncio.get_running_loop()
        self._ended = asyncio.Event()
        async with serve(self._echo, "127.0.0.1", 0, **self._options) as server:
            self.port = server.sockets[0].getsockname()[1]
            self._started.set()
            await self._ended.wait()

    async def _echo(self, websocket):
        count = 0
        async for message in websocket:
            count += 1
            if self._in_fragments:
                await (await websocket.ping())
                third = len(message) // 3
                await websocket.send([message[:third], message[third:third], message[third:]])
            else:
                await websocket.send(message)
        self.connections.append({
            "messages": count,
            "extensions": [extension.name for extension in websocket.protocol.extensions],
            "subprotocol": websocket.subprotocol,
            "code": websocket.close_code,
        })

    def __enter__(self):
        self._thread.start()
        expect(self._started.wait(10), "the server made with `websockets` does not start")
        return self

    def __exit__(self, *_):
        self._loop.call_soon_threadsafe(self._ended.set)
        self._thread.join(15)


def run(context, *, deflates, offers, subprotocols=None, asked=None, in_fragments=False):
    compression = "deflate" if deflates else None
    is_compressed = deflates and offers
    with EchoServer(compression=compression, subprotocols=subprotocols, in_fragments=in_fragments) as server:
        expect_echoed(context, f"ws://127.0.0.1:{server.port}/", is_compressed=is_compressed, offers=offers,
                      subprotocol=asked)
    wanted = {"messages": COUNT, "extensions": ["permessage-deflate"] if is_compressed else [], "subprotocol": asked,
              "code": 1000}
    expect_equal(server.connections, [wanted], "what the server saw")
    return f"{COUNT} messages"


@check("our client, python server, deflate")
def deflate(context):
    return run(context, deflates=True, offers=True)


@check("our client, python server, deflate declined")
def deflate_declined(context):
    return run(context, deflates=False, offers=True)


@check("our client, python server, deflate not offered")
def deflate_not_offered(context):
    return run(context, deflates=True, offers=False)


@check("our client, python server, fragments and pings")
def fragments(context):
    return run(context, deflates=True, offers=True, in_fragments=True)


@check("our client, python server, subprotocol")
def subprotocol(context):
    return run(context, deflates=True, offers=True, subprotocols=["other.v1", "echo.v2"], asked="echo.v2")


@check("our client, python server, wss")
def over_tls(context):
    made = certificates.make(context.directory)
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(made.certificate, made.key)
    with EchoServer(compression="deflate", tls=tls) as server:
        url = f"wss://localhost:{server.port}/"
        expect_echoed(context, url, is_compressed=True, offers=True, authority=made.authority)
        status, output = run_command([context.aloft, "echo-client", url, "--count", "1"])
        expect(status != 0, f"a certificate of an unknown authority was accepted: {output}")
        wrong_name = f"wss://127.0.0.2:{server.port}/"
        status, output = run_command([context.aloft, "echo-client", wrong_name, "--count", "1", "--ca", made.authority])
        expect(status != 0, f"a certificate of another name was accepted: {output}")
    return "unknown authority refused"


@check("our client, our server, wss")
def ours_over_tls(context):
    made = certificates.make(context.directory)
    with Aloft.echo(context.aloft, "--deflate", "--tls-cert", made.certificate, "--tls-key", made.key) as server:
        expect_echoed(context, f"wss://localhost:{server.port}/", is_compressed=True, offers=True,
                      authority=made.authority)
    return f"{COUNT} messages"


@check("our client, nobody there")
def nobody_there(context):
    """A failure is told by the exit status, soon, and without a trace of the runtime."""
    with EchoServer(compression=None) as server:
        port = server.port
    status, output = run_command([context.aloft, "echo-client", f"ws://127.0.0.1:{port}/", "--count", "1"], 20)
    expect(status != 0, "no error although nobody listens")
    expect(0 < status < 128, f"ended by a signal: {status}")
    expect("Fatal error" not in output, f"printed {output!r}")
    return f"status {status}"
