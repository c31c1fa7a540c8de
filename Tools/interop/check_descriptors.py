"""`aloft echo` when the process has no descriptor left: it waits without spinning, and goes on when it can."""

import asyncio
import os
import socket
import time

import websockets

from check import check, expect
from process import Aloft


def processor_seconds(pid):
    """Processor time that a process has used."""
    with open(f"/proc/{pid}/stat") as file:
        fields = file.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@check("no descriptors left")
def no_descriptors(context):
    """64 descriptors and 200 clients: who has no place is refused or waits in the backlog; later all is well again."""

    async def echo_once_there_is_room(url):
        """Those of the crowd that have not been seen to be gone still take places: who is refused tries again."""
        until = time.monotonic() + 20
        while True:
            try:
                return await echo(url)
            except (websockets.InvalidHandshake, websockets.ConnectionClosed, OSError):
                if time.monotonic() > until:
                    raise
                await asyncio.sleep(0.1)

    async def echo(url):
        async with websockets.connect(url, open_timeout=30) as websocket:
            await websocket.send("there")
            expect(await websocket.recv() == "there", "no echo")

    # The server would raise its own limit: the hard one is lowered.
    with Aloft.echo(context.aloft, "--threads", "1", wrapper=("prlimit", "--nofile=64:64")) as server:
        url = server.url
        asyncio.run(echo(url))
        crowd = [socket.create_connection(("127.0.0.1", server.port)) for _ in range(200)]
        time.sleep(1)
        before = processor_seconds(server.pid)
        time.sleep(3)
        spent = processor_seconds(server.pid) - before
        expect(server.is_running, "the server has ended")
        expect(spent < 1, f"{spent:.2f} s of processor time in 3 s of waiting")
        for connection in crowd:
            connection.close()
        asyncio.run(echo_once_there_is_room(url))
        expect(server.is_running, "the server has ended")
    return f"{spent:.2f} s of processor time in 3 s"
