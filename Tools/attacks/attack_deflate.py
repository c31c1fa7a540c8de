"""Compressed messages: bombs, and everything that an inflater may be given."""

import zlib

from attack_frames import MIB, NO_MASK, expect_failed
from check import check, expect, expect_equal
from process import Aloft
from watch import GoodClient, Watched
from wire import BINARY, CLOSE, CONTINUATION, PING, TEXT, Peer, frame

RSV1 = 0x40
OFFER = {"Sec-WebSocket-Extensions": "permessage-deflate"}
TAIL = b"\0\0\xff\xff"


def deflated(data, bits=15):
    compressor = zlib.compressobj(9, zlib.DEFLATED, -bits, 9)
    return (compressor.compress(data) + compressor.flush(zlib.Z_SYNC_FLUSH)).removesuffix(TAIL)


def bomb(size):
    """So many zeros, compressed about a thousandfold."""
    compressor = zlib.compressobj(9, zlib.DEFLATED, -15, 9)
    pieces = [compressor.compress(bytes(MIB)) for _ in range(size // MIB)]
    return (b"".join(pieces) + compressor.flush(zlib.Z_SYNC_FLUSH)).removesuffix(TAIL)


def fragmented(payload, piece):
    """A compressed message in pieces, the last of them empty."""
    first = frame(BINARY, payload[:piece], final=False, bits=RSV1, mask=NO_MASK)
    rest = b"".join(
        frame(CONTINUATION, payload[start : start + piece], final=False, mask=NO_MASK)
        for start in range(piece, len(payload), piece)
    )
    return first + rest + frame(CONTINUATION)


@check("bombs, 256 MiB from 256 KiB", alone=True)
def bombs(context):
    payload = bomb(256 * MIB)
    expect(len(payload) < 270_000, f"the bomb has {len(payload)} bytes")
    ways = [
        ("whole", frame(BINARY, payload, bits=RSV1, mask=NO_MASK)),
        ("in pieces of 1 KiB", fragmented(payload, 1024)),
        ("in pieces of 17 bytes", fragmented(payload, 17)),
        ("as text", frame(TEXT, payload, bits=RSV1, mask=NO_MASK)),
    ]
    with Aloft.echo(context.aloft, "--deflate") as server, Watched(context, server) as watched, GoodClient(
        context, server.port
    ) as good:
        for what, data in ways:
            for _ in range(10):
                expect_failed(server, f"a bomb {what}", data, [1009], changes=OFFER)
        # Twenty at once.
        peers = [Peer.opened(server.port, OFFER) for _ in range(20)]
        for peer in peers:
            peer.send(ways[0][1])
        for peer in peers:
            expect_equal(peer.read_frames_to_end(10).codes, [1009], "close codes of one bomb of twenty")
            peer.close()
        # One at a time on each event loop: a message of 1 MiB and what doubling takes, the inflater, what is discarded.
        watched.memory_grew_at_most(16)
        return good.judge()


@check("bombs that never explode")
def duds(context):
    """Messages that inflate to as much as is allowed, again and again: context takeover, never more than the limit."""
    payload = deflated(bytes(MIB))
    with Aloft.echo(context.aloft, "--deflate") as server, Watched(context, server) as watched:
        with Peer.opened(server.port, OFFER) as peer:
            expect("permessage-deflate" in peer.head.fields.get("sec-websocket-extensions", ""), "no agreement")
            for _ in range(50):
                peer.send(frame(BINARY, payload, bits=RSV1, mask=NO_MASK))
                expect_equal(peer.read_frame().first, 0x80 | RSV1 | BINARY, "first byte of the echo")
        expect_failed(
            server,
            "one byte more",
            frame(BINARY, deflated(bytes(MIB + 1)), bits=RSV1, mask=NO_MASK),
            [1009],
            changes=OFFER,
        )
        watched.memory_grew_at_most(8)


@check("deflate, everything that is wrong with it")
def abuse(context):
    hello = deflated(b"Hello")
    compressed = frame(TEXT, hello, bits=RSV1)
    # A sync flush is an empty stored block: messages may consist of them.
    stored = b"\x00\x05\x00\xfa\xffHello"
    cases = [
        ("corrupt", frame(BINARY, b"\xff" * 20, bits=RSV1), [1007]),
        ("a block of type 3", frame(BINARY, b"\x07", bits=RSV1), [1007]),
        ("a block of type 3 behind a good one", frame(BINARY, deflated(b"a" * 100) + b"\x07\x07", bits=RSV1), [1007]),
        ("a stored block that lies about its length", frame(BINARY, b"\x00\xff\xff\xff\xff" + b"a", bits=RSV1), [1007]),
        ("a distance before the beginning", frame(BINARY, b"\x4b\x04\x13\x00", bits=RSV1), [1007]),
        ("a message cut short", frame(BINARY, deflated(bytes(range(256)) * 8)[:100], bits=RSV1), [1007]),
        ("a code table that is too large", frame(BINARY, b"\xfd\xff\xff\xff\xff\xff", bits=RSV1), [1007]),
        ("a header of zlib", frame(BINARY, zlib.compress(b"Hello"), bits=RSV1), [1007]),
        ("gzip", frame(BINARY, b"\x1f\x8b\x08\0\0\0\0\0\0\x03" + hello, bits=RSV1), [1007]),
        ("text that is not UTF-8", frame(TEXT, deflated(b"\xff\xfe"), bits=RSV1), [1007]),
        (
            "RSV1 on a continuation",
            frame(TEXT, hello[:3], final=False, bits=RSV1) + frame(CONTINUATION, hello[3:], bits=RSV1),
            [1002],
        ),
        ("RSV1 on a ping", frame(PING, bits=RSV1), [1002]),
        ("RSV1 on a Close", frame(CLOSE, bits=RSV1), [1002]),
        ("RSV2", frame(TEXT, hello, bits=0x20), [1002]),
        ("RSV1 and RSV3", frame(TEXT, hello, bits=0x50), [1002]),
        (
            "100,000 empty blocks in fragments",
            frame(TEXT, final=False, bits=RSV1) + frame(CONTINUATION, final=False) * 100_000,
            [1008],
        ),
        (
            "130,000 fragments of a block of nothing",
            frame(TEXT, b"\0", final=False, bits=RSV1) + frame(CONTINUATION, b"\0", final=False) * 130_000,
            [1007, 1009],
        ),
    ]
    good = [
        ("a stored block", frame(TEXT, stored, bits=RSV1), b"Hello"),
        ("a message that keeps its tail", frame(TEXT, hello + TAIL, bits=RSV1), b"Hello"),
        ("one empty byte", frame(TEXT, b"\0", bits=RSV1), b""),
        ("nothing at all", frame(TEXT, b"", bits=RSV1), b""),
        ("a block with BFINAL", frame(TEXT, b"\xf3\x48\xcd\xc9\xc9\x07\x00\x00", bits=RSV1), b"Hello"),
        ("an uncompressed one between", frame(TEXT, b"Hello"), b"Hello"),
    ]
    with Aloft.echo(context.aloft, "--deflate") as server, Watched(context, server) as watched:
        for what, data, codes in cases:
            expect_failed(server, what, data, codes, changes=OFFER)
        # The same bytes where nothing was agreed on (CVE-2026-59881).
        expect_failed(server, "RSV1 without negotiation", compressed, [1002])
        for what, data, text in good:
            with Peer.opened(server.port, OFFER) as peer:
                inflater = zlib.decompressobj(-15)
                # Twice: the window of the first is that of the second, also behind an empty message.
                for _ in range(2):
                    peer.send(frame(TEXT, b"\0", bits=RSV1) + data)
                    for wanted in (b"", text):
                        answer = peer.read_frame()
                        expect(answer.first & RSV1, f"{what}: the answer is not compressed")
                        expect_equal(inflater.decompress(answer.payload + TAIL), wanted, what)
        watched.memory_grew_at_most(8)
    return f"{len(cases) + 1} refused, {len(good)} understood"


@check("deflate, parameters")
def parameters(context):
    declined = [
        "permessage-deflate; server_max_window_bits=7",
        "permessage-deflate; server_max_window_bits=16",
        "permessage-deflate; server_max_window_bits",
        "permessage-deflate; server_max_window_bits=09",
        "permessage-deflate; server_max_window_bits=8.0",
        "permessage-deflate; server_max_window_bits=+9",
        "permessage-deflate; server_max_window_bits=4294967304",
        "permessage-deflate; client_max_window_bits=7",
        "permessage-deflate; client_max_window_bits=0",
        "permessage-deflate; client_max_window_bits=16",
        "permessage-deflate; server_no_context_takeover=1",
        "permessage-deflate; unknown",
        "permessage-deflate; server_no_context_takeover; server_no_context_takeover",
        "permessage-deflate; constructor",
        "x-webkit-deflate-frame",
    ]
    with Aloft.echo(context.aloft, "--deflate") as server, Watched(context, server):
        for offer in declined:
            with Peer.opened(server.port, {"Sec-WebSocket-Extensions": offer}) as peer:
                expect(
                    "sec-websocket-extensions" not in peer.head.fields, f"{offer!r} was agreed to: {peer.head.fields}"
                )
                peer.echo()
        # 15 bits were offered for this end's window and 8 are used; the server's window is as small as it is asked to be.
        for bits in range(9, 16):
            offer = f"permessage-deflate; server_max_window_bits={bits}; client_max_window_bits"
            with Peer.opened(server.port, {"Sec-WebSocket-Extensions": offer}) as peer:
                agreed = peer.head.fields.get("sec-websocket-extensions", "")
                expect(f"server_max_window_bits={bits}" in agreed, f"{offer!r} got {agreed!r}")
                data = bytes(range(251)) * 400
                inflater = zlib.decompressobj(-bits)
                for _ in range(3):
                    peer.send(frame(BINARY, deflated(data, 9), bits=RSV1))
                    answer = peer.read_frame()
                    expect_equal(inflater.decompress(answer.payload + TAIL), data, f"the echo with {bits} bits")
        # The first offer that can be met is taken.
        many = ", ".join(declined[:8] + ["permessage-deflate; server_max_window_bits=10"])
        with Peer.opened(server.port, {"Sec-WebSocket-Extensions": many}) as peer:
            expect(
                "server_max_window_bits=10" in peer.head.fields.get("sec-websocket-extensions", ""),
                f"a list of offers got {peer.head.fields}",
            )
    return f"{len(declined)} declined"
