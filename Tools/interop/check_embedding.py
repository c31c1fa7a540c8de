"""The examples that embed WebSockets in another server: Hummingbird's, and one on plain SwiftNIO."""

import asyncio
import os
import signal
import socket
import time

from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from check import Skipped, check, expect, expect_equal, run_command
from process import Process

EXAMPLES = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", ".build-examples", "debug")


def example(name, *arguments):
    path = os.path.abspath(os.path.join(EXAMPLES, name))
    if not os.access(path, os.X_OK):
        raise Skipped("run `make examples` first")
    return [path, *arguments]


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@check("hummingbird, python and curl")
def hummingbird(context):
    """The page and another route are Hummingbird's, the chat is ours, all on one port; SIGTERM closes with 1001."""
    port = free_port()
    url = f"ws://127.0.0.1:{port}/chat"

    def curl(*options, path="/"):
        return run_command(["curl", "--silent", "--include", "--max-time", "10", *options, f"http://127.0.0.1:{port}{path}"])[1]

    async def talk(server):
        sockets = [await connect(url, compression=None) for _ in range(3)]
        await sockets[0].send("hello")
        for websocket in sockets:
            expect_equal(await asyncio.wait_for(websocket.recv(), 10), "hello", "what was said")
        people = await asyncio.to_thread(curl, path="/people")
        expect(people.endswith("3"), f"three are there: {people[-100:]}")
        large = "x" * 500_000
        await sockets[1].send(large)
        for websocket in sockets:
            expect_equal(await asyncio.wait_for(websocket.recv(), 10), large, "what was said at length")
        os.kill(server.pid, signal.SIGTERM)
        for websocket in sockets:
            try:
                await asyncio.wait_for(websocket.recv(), 10)
            except ConnectionClosed as closed:
                expect_equal(closed.rcvd and closed.rcvd.code, 1001, "close code")
        until = time.monotonic() + 15
        while server.is_running and time.monotonic() < until:
            await asyncio.sleep(0.05)
        expect(not server.is_running, "the server does not end")

    with Process(example("hummingbird-chat", str(port)), "listening on") as server:
        page = curl()
        expect(page.startswith("HTTP/1.1 200 OK") and "new WebSocket" in page, page[:300])
        expect(curl(path="/nothing").startswith("HTTP/1.1 404"), "status of an unknown path")
        upgrade = ["--header", "Connection: Upgrade", "--header", "Upgrade: websocket", "--header",
                   "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="]
        expect(curl(*upgrade, "--header", "Sec-WebSocket-Version: 8", path="/chat").startswith("HTTP/1.1 426"), "version 8")
        expect(curl(*upgrade, "--header", "Sec-WebSocket-Version: 13", "--header", "Origin: https://evil.example",
                    path="/chat").startswith("HTTP/1.1 403"), "another origin")
        expect(curl(*upgrade, "--header", "Sec-WebSocket-Version: 13").startswith("HTTP/1.1 404"), "a path without one")
        asyncio.run(talk(server))
    return "a page, a chat of three, 1001"
