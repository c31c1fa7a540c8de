"""The echo server of Python's websockets, as its documentation has it; --fanout uses its `broadcast`.

usage: websockets-echo.py [PORT] [--fanout]      prints "listening on ws://127.0.0.1:PORT/"; PORT 0 or none: a free one
"""

import asyncio
import logging
import sys

from websockets.asyncio.server import ServerConnection, broadcast, serve

connections: set[ServerConnection] = set()


async def echo(connection: ServerConnection) -> None:
    async for message in connection:
        await connection.send(message)


async def fanout(connection: ServerConnection) -> None:
    connections.add(connection)
    try:
        async for message in connection:
            broadcast(connections, message)
    finally:
        connections.discard(connection)


async def main() -> None:
    ports = [int(argument) for argument in sys.argv[1:] if argument.isdigit()]
    handler = fanout if "--fanout" in sys.argv else echo
    # What it says of connections that the generator resets.
    logging.disable(logging.CRITICAL)
    async with serve(handler, "127.0.0.1", ports[0] if ports else 0, compression=None) as server:
        print(f"listening on ws://127.0.0.1:{server.sockets[0].getsockname()[1]}/", flush=True)
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
