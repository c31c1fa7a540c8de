"""The client of the Python package `websockets` talks to `aloft echo`."""

import asyncio
import ssl

from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed
from websockets.extensions.permessage_deflate import ClientPerMessageDeflateFactory

import certificates
from check import SIZES, Failed, check, expect, expect_equal, sample_bytes, sample_text
from process import Aloft

LIMIT = ["--max-message", str(4 << 20)]


def extensions_of(websocket):
    return [extension.name for extension in websocket.protocol.extensions]


async def expect_echo(websocket, message):
    await websocket.send(message)
    back = await websocket.recv()
    expect(type(back) is type(message), f"a {type(message).__name__} came back as {type(back).__name__}")
    expect_equal(back, message, f"echo of {len(message)}")


async def exchange(websocket):
    """Every size as text and as binary, in fragments, several at once, and a ping."""
    for size in SIZES:
        await expect_echo(websocket, sample_text(size))
        await expect_echo(websocket, sample_bytes(size))
    pieces = [sample_text(size, seed=2) for size in (0, 1, 126, 70_000, 0)]
    await websocket.send(pieces)
    expect_equal(await websocket.recv(), "".join(pieces), "echo of text in 5 fragments")
    pieces = [sample_bytes(size, seed=3) for size in (1, 65_536, 0, 127)]
    await websocket.send(pieces)
    expect_equal(await websocket.recv(), b"".join(pieces), "echo of bytes in 4 fragments")
    many = [sample_text(size, seed=4) for size in range(200)]
    for message in many:
        await websocket.send(message)
    expect_equal([await websocket.recv() for _ in many], many, "200 messages sent before the first answer is read")
    for payload in (b"", b"are you there", bytes(125)):
        await asyncio.wait_for(await websocket.ping(payload), 10)


async def close_and_compare(websocket, code, reason):
    """Closes; the server has to answer with the same code (RFC 6455 section 5.5.1), and only then end TCP."""
    await websocket.close(code, reason)
    received = websocket.protocol.close_rcvd
    expect(received is not None, f"no close frame came back for {code}")
    expect_equal(received.code, code, "close code that came back")
    expect(websocket.protocol.close_rcvd_then_sent is False, "the server did not wait for our close frame")
    return received


def echo_check(context, server_deflates, client_offers):
    options = LIMIT + (["--deflate"] if server_deflates else [])
    negotiated = ["permessage-deflate"] if server_deflates and client_offers else []

    async def talk(url):
        compression = "deflate" if client_offers else None
        async with connect(url, compression=compression, max_size=None) as websocket:
            expect_equal(extensions_of(websocket), negotiated, "extensions negotiated")
            await exchange(websocket)
            await close_and_compare(websocket, 1000, "done")

    with Aloft.echo(context.aloft, *options) as server:
        asyncio.run(talk(server.url))
    return f"{2 * len(SIZES) + 202} messages"


@check("python client, deflate")
def deflate(context):
    return echo_check(context, server_deflates=True, client_offers=True)


@check("python client, deflate declined")
def deflate_declined(context):
    return echo_check(context, server_deflates=False, client_offers=True)


@check("python client, deflate not offered")
def deflate_not_offered(context):
    return echo_check(context, server_deflates=True, client_offers=False)


@check("python client, deflate parameters")
def deflate_parameters(context):
    """Windows of 9 to 15 bits both ways, with and without context takeover."""
    offers = [{"server_max_window_bits": bits, "client_max_window_bits": bits} for bits in (9, 10, 12, 15)]
    offers += [{"server_no_context_takeover": True}, {"client_no_context_takeover": True},
               {"server_no_context_takeover": True, "client_no_context_takeover": True, "server_max_window_bits": 10,
                "client_max_window_bits": 9}]

    async def talk(url, offer):
        factory = ClientPerMessageDeflateFactory(**offer)
        async with connect(url, compression=None, extensions=[factory], max_size=None) as websocket:
            expect_equal(extensions_of(websocket), ["permessage-deflate"], f"extensions negotiated for {offer}")
            for size in (0, 1, 300, 5_000, 100_000):
                for _ in range(3):
                    await expect_echo(websocket, sample_text(size))
                    await expect_echo(websocket, sample_bytes(size))

    with Aloft.echo(context.aloft, "--deflate", *LIMIT) as server:
        for offer in offers:
            asyncio.run(talk(server.url, offer))
    return f"{len(offers)} offers"


@check("python client, close codes")
def close_codes(context):
    cases = [(1000, ""), (1000, "bye"), (1001, "leaving"), (3000, "geschlossen: äöü"), (4999, "x" * 123)]

    async def talk(url, code, reason):
        async with connect(url) as websocket:
            await expect_echo(websocket, "before")
            await close_and_compare(websocket, code, reason)

    with Aloft.echo(context.aloft) as server:
        for code, reason in cases:
            asyncio.run(talk(server.url, code, reason))
    return ", ".join(str(code) for code, _ in cases)


@check("python client, message too big")
def message_too_big(context):
    """The limit holds for what a message inflates to, not only for its bytes on the wire."""

    async def talk(url, compression, message):
        async with connect(url, compression=compression, max_size=None) as websocket:
            await expect_echo(websocket, message[:1000])
            try:
                await websocket.send(message)
                await asyncio.wait_for(websocket.recv(), 20)
            except ConnectionClosed as closed:
                expect(closed.rcvd is not None, "the server ended the connection without a close frame")
                expect_equal(closed.rcvd.code, 1009, "close code")
            else:
                raise Failed("a message above the limit came back")

    with Aloft.echo(context.aloft, "--deflate", "--max-message", "1000") as server:
        asyncio.run(talk(server.url, None, "a" * 1001))
        asyncio.run(talk(server.url, "deflate", "a" * 1001))
        asyncio.run(talk(server.url, "deflate", "a" * (8 << 20)))
    return "1009"


@check("python client, wss")
def over_tls(context):
    made = certificates.make(context.directory)

    async def talk(url):
        trusting = ssl.create_default_context(cafile=made.authority)
        async with connect(url, ssl=trusting, max_size=None) as websocket:
            version = websocket.transport.get_extra_info("ssl_object").version()
            await exchange(websocket)
            await close_and_compare(websocket, 1000, "over TLS")
        try:
            async with connect(url, ssl=ssl.create_default_context()):
                raise Failed("a client that does not know the authority was let in: the check itself is wrong")
        except ssl.SSLCertVerificationError:
            pass
        async with connect(url, ssl=trusting) as websocket:
            await expect_echo(websocket, "still there after a client that turned away")
        return version

    options = ["--deflate", *LIMIT, "--tls-cert", made.certificate, "--tls-key", made.key]
    with Aloft.echo(context.aloft, *options) as server:
        expect(server.url.startswith("wss://"), f"the server announced {server.url}")
        return asyncio.run(talk(f"wss://localhost:{server.port}/"))
