"""Frames that lie about their length, frames without end, frames that are only there to be work."""

import select
import struct
import threading
import time

from check import check, expect, expect_equal
from process import Aloft
from watch import GoodClient, Watched
from wire import BINARY, CLOSE, CONTINUATION, PING, PONG, TEXT, Peer, frame, request

MIB = 1 << 20
NO_MASK = b"\0\0\0\0"


def expect_failed(server, what, data, codes, *, changes=None, seconds=10):
    """The connection is failed with one of these codes, once, and ended; nothing of `data` is answered."""
    with Peer.opened(server.port, changes) as peer:
        peer.send(data)
        rest = peer.read_frames_to_end(seconds)
        expect(
            len(rest.codes) == 1 and rest.codes[0] in codes,
            f"{what}: close codes {rest.codes}, not one of {codes}; {rest.how}, {rest.data[:80]!r}",
        )
        expect(rest.how in ("end", "reset"), f"{what}: the connection stays {rest.how}")
        return rest


def repeated(data, seconds=3):
    """The same for so long."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        yield data


@check("lengths that lie")
def lying_lengths(context):
    """Refused from the header: not a byte of payload comes, and none is waited for or allocated."""
    lengths = [
        (MIB + 1, 1009),
        (1 << 31, 1009),
        (1 << 32, 1009),
        (1 << 40, 1009),
        ((1 << 62), 1009),
        ((1 << 63) - 1, 1009),
        ((1 << 63) - 128, 1009),
        (1 << 63, 1002),
        ((1 << 63) + 1, 1002),
        ((1 << 64) - 1, 1002),
        ((1 << 64) - 14, 1002),
    ]
    opcodes = [TEXT, BINARY, 3, 7, 11, 15, CONTINUATION, PING, PONG, CLOSE]
    with Aloft.echo(context.aloft, "--deflate") as server, Watched(context, server) as watched:
        count = 0
        for length, code in lengths:
            for opcode in opcodes:
                # What the first byte makes certain comes first: an opcode nobody knows allocates nothing.
                wanted = code if opcode in (TEXT, BINARY) else 1002
                for final in (True, False):
                    began = time.monotonic()
                    expect_failed(
                        server,
                        f"opcode {opcode}, length {length:#x}",
                        frame(opcode, final=final, length=length),
                        [wanted],
                    )
                    expect(time.monotonic() - began < 1.5, f"length {length:#x} was waited for")
                    count += 1
        # Inside a message, where the sum overflows.
        for length, code in lengths:
            expect_failed(
                server,
                f"a continuation of {length:#x}",
                frame(TEXT, b"a", final=False) + frame(CONTINUATION, length=length),
                [code],
            )
        expect_failed(
            server,
            "two halves that are too much",
            frame(BINARY, bytes(600_000), final=False, mask=NO_MASK) + frame(CONTINUATION, length=600_000),
            [1009],
        )
        # Compressed ones may be a little longer than the message, no more.
        deflate = {"Sec-WebSocket-Extensions": "permessage-deflate"}
        expect_failed(server, "a compressed one", frame(BINARY, bits=0x40, length=2 * MIB), [1009], changes=deflate)
        watched.memory_grew_at_most(8)
    # A thousand that claim as much as they may, and send nothing of it.
    with Aloft.echo(context.aloft) as server, Watched(context, server) as watched:
        peers = [Peer.opened(server.port) for _ in range(1000)]
        for peer in peers:
            peer.send(frame(BINARY, b"a", length=MIB))
        time.sleep(0.3)
        watched.memory_grew_at_most(1000 * 16 / 1024, "1,000 claims of 1 MiB took")
        for peer in peers:
            peer.reset()
    return f"{count + len(lengths) + 2} refused"


@check("lengths that are not minimal, masks that are not there")
def wrong_headers(context):
    def long_form(length, payload):
        return b"\x82\xfe" + struct.pack(">H", length) + NO_MASK + payload

    def longest_form(length, payload):
        return b"\x82\xff" + struct.pack(">Q", length) + NO_MASK + payload

    cases = [
        ("125 in two bytes", long_form(125, bytes(125)), 1002),
        ("0 in two bytes", long_form(0, b""), 1002),
        ("65,535 in eight bytes", longest_form(65535, bytes(65535)), 1002),
        ("no mask", frame(TEXT, b"a", mask=None), 1002),
        ("a ping without a mask", frame(PING, mask=None), 1002),
        ("a Close without a mask", frame(CLOSE, mask=None), 1002),
        (
            "a second fragment without a mask",
            frame(TEXT, b"a", final=False) + frame(CONTINUATION, b"b", mask=None),
            1002,
        ),
        *[(f"reserved bits {bits:#x}", frame(TEXT, b"a", bits=bits), 1002) for bits in range(0x10, 0x80, 0x10)],
        *[(f"opcode {opcode}", frame(opcode, b"a"), 1002) for opcode in (3, 4, 5, 6, 7, 11, 12, 13, 14, 15)],
        ("a ping of 126 bytes", frame(PING, bytes(126)), 1002),
        ("a ping in two", frame(PING, final=False), 1002),
        ("a Close in two", frame(CLOSE, final=False), 1002),
        ("a continuation of nothing", frame(CONTINUATION, b"a"), 1002),
        ("a message inside another", frame(TEXT, b"a", final=False) + frame(TEXT, b"b"), 1002),
        ("a Close of one byte", frame(CLOSE, b"\x03"), 1002),
        *[
            (f"Close {code}", frame(CLOSE, struct.pack(">H", code)), 1002)
            for code in (0, 1, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000, 65535)
        ],
        ("a reason that is not UTF-8", frame(CLOSE, b"\x03\xe8\xff"), 1007),
        ("text that is not UTF-8", frame(TEXT, b"\xc0\x80"), 1007),
        ("a surrogate", frame(TEXT, b"\xed\xa0\x80"), 1007),
        ("text cut short", frame(TEXT, b"\xe2\x82"), 1007),
    ]
    with Aloft.echo(context.aloft) as server, Watched(context, server):
        for what, data, code in cases:
            expect_failed(server, what, data, [code])
    return f"{len(cases)} refused"


@check("fragments without end")
def fragments(context):
    empty = frame(CONTINUATION, final=False)
    single = frame(CONTINUATION, b"a", final=False)
    kilobyte = frame(CONTINUATION, bytes(1024), final=False)
    with Aloft.echo(context.aloft) as server, Watched(context, server) as watched:
        expect_failed(server, "100,000 empty ones", frame(TEXT, final=False) + empty * 100_000, [1008])
        expect_failed(server, "130,000 of a byte", frame(TEXT, b"a", final=False) + single * 130_000, [1009])
        expect_failed(
            server, "empty ones between", frame(TEXT, b"a", final=False) + (empty * 16 + single) * 9000, [1008, 1009]
        )
        with Peer.opened(server.port) as peer:
            peer.send(frame(TEXT, b"a", final=False))
            sent = 1
            while not select.select([peer.socket], [], [], 0)[0] and sent < 64 * MIB and peer.send(kilobyte * 16):
                sent += 16 * 1024
            rest = peer.read_frames_to_end(5)
            expect_equal(rest.codes, [1009], "close codes for fragments of 1 KiB without end")
        # As many as are allowed are a message.
        with Peer.opened(server.port) as peer:
            peer.send(frame(TEXT, b"a", final=False) + single * 16_382 + frame(CONTINUATION, b"b"))
            expect_equal(peer.read_frame().payload, b"a" * 16_383 + b"b", "the echo of 16,384 fragments")
        watched.memory_grew_at_most(8)
    # ws#2331: what is kept for each byte that came. Half of the fragments that are allowed, on each of 100 connections.
    with Aloft.echo(context.aloft) as server, Watched(context, server) as watched:
        peers = [Peer.opened(server.port) for _ in range(100)]
        data = frame(TEXT, b"a", final=False) + single * 8_000
        for peer in peers:
            peer.send(data)
        time.sleep(0.5)
        watched.memory_grew_at_most(len(data) * len(peers) * 4 / MIB, "four times what was sent; kept")
        for peer in peers:
            peer.reset()


@check("a message that trickles in", seconds=100)
def trickle(context):
    """A byte a second: 30 seconds after its first byte the connection is failed, whatever has come meanwhile."""
    cases = [
        ("a frame", frame(BINARY, b"a", length=1000), b"a"),
        ("fragments", frame(TEXT, b"a", final=False), frame(CONTINUATION, b"a", final=False)),
        ("fragments and pings", frame(TEXT, b"a", final=False), frame(CONTINUATION, b"a", final=False) + frame(PING)),
    ]
    with Aloft.echo(context.aloft) as server, Watched(context, server):
        peers = [Peer.opened(server.port) for _ in range(10 * len(cases))]
        began = time.monotonic()
        for number, peer in enumerate(peers):
            peer.send(cases[number % len(cases)][1])
        last = 0.0
        left = dict(enumerate(peers))
        while left and time.monotonic() < began + 45:
            time.sleep(1)
            for number, peer in list(left.items()):
                peer.send(cases[number % len(cases)][2])
                # The pongs are not read: a connection that is over says so by its end.
                ready = select.select([peer.socket], [], [], 0)[0]
                if ready and 1008 in peer_codes(peer):
                    last = time.monotonic() - began
                    del left[number]
        context.at_most("connections left", len(left), 0)
        context.at_most("the last one is failed after", last, 32.5, "s")


def peer_codes(peer):
    """The close codes among what has come so far."""
    rest = peer.read_frames_to_end(0.05)
    return rest.codes


@check("the beginning of a frame, and nothing more", seconds=100)
def unfinished(context):
    """1,000 connections that hold all they can be made to hold by a header."""
    with Aloft.echo(context.aloft) as server, Watched(context, server) as watched:
        beginnings = [b"\x82", b"\x82\xff\0\0", b"\x82\xfe\xff\xff" + NO_MASK, b"\x89\xfd" + NO_MASK + bytes(124)]
        peers = [Peer.opened(server.port) for _ in range(1000)]
        for number, peer in enumerate(peers):
            peer.send(beginnings[number % 4])
        time.sleep(0.3)
        watched.memory_grew_at_most(1000 * 16 / 1024)
        for peer in peers:
            peer.reset()


@check("pings, answers read", alone=True)
def pings_read(context):
    with Aloft.echo(context.aloft) as server, Watched(context, server) as watched, GoodClient(
        context, server.port
    ) as good:
        most = 0
        for data in repeated(frame(PING, b"p" * 125) * 10_000):
            rest = expect_failed(server, "10,000 pings", data, [1008])
            most = max(most, sum(answer.opcode == PONG for answer in rest.frames))
        # A burst of a hundred, and twenty a second.
        context.at_most("pongs to one connection", most, 110)
        watched.memory_grew_at_most(8)
        return good.judge()


@check("pings, answers not read", alone=True)
def pings_unread(context):
    """CVE-2021-3690: pongs that nobody takes are not kept without end."""
    with Aloft.echo(context.aloft) as server, Watched(context, server) as watched, GoodClient(
        context, server.port
    ) as good:
        peers = [Peer.connect(server.port, receive_buffer=4096) for _ in range(100)]
        for peer in peers:
            peer.send(request())
        data = frame(PING, b"p" * 125) * 10_000
        for peer in peers:
            peer.socket.settimeout(0.1)
            try:
                peer.socket.sendall(data)
            except OSError:
                pass
        # At the permitted rate, while nothing is read: 2 seconds.
        slow = [Peer.connect(server.port, receive_buffer=4096) for _ in range(20)]
        for peer in slow:
            peer.send(request())
        for _ in range(40):
            for peer in slow:
                peer.send(frame(PING, b"p" * 125))
            time.sleep(0.05)
        watched.memory_grew_at_most(8)
        remark = good.judge()
        for peer in peers + slow:
            peer.reset()
    return remark


@check("pongs that nobody asked for", alone=True)
def pongs(context):
    with Aloft.echo(context.aloft) as server, Watched(context, server) as watched, GoodClient(
        context, server.port
    ) as good:
        for data in repeated(frame(PONG, b"p" * 8) * 50_000):
            expect_failed(server, "50,000 pongs", data, [1008])
        watched.memory_grew_at_most(8)
        return good.judge()


@check("200,000 empty messages", alone=True)
def empty_messages(context):
    """Each is answered, in order; others notice little; who does not read the answers is not read from."""
    with Aloft.echo(context.aloft) as server, Watched(context, server) as watched, GoodClient(
        context, server.port
    ) as good:
        count = 200_000
        data = frame(TEXT) * 10_000
        with Peer.opened(server.port) as peer:
            received = 0

            def read():
                nonlocal received
                while received < 2 * count:
                    received += len(peer.socket.recv(1 << 16))

            reader = threading.Thread(target=read, daemon=True)
            reader.start()
            for _ in range(count // 10_000):
                peer.send(data)
            reader.join(20)
            expect_equal(received, 2 * count, "bytes of 200,000 empty answers")
        # The same, and nothing is read.
        with Peer.opened(server.port) as peer:
            peer.socket.settimeout(1)
            taken = 0
            try:
                for _ in range(20 * count // 10_000):
                    peer.socket.sendall(data)
                    taken += 10_000
            except OSError:
                pass
            watched.memory_grew_at_most(8)
            remark = good.judge()
            peer.reset()
    return f"{remark}; {taken:,} were taken unread"


@check("small messages without end, 16 at once", alone=True)
def busy(context):
    """Everybody has a turn: eight connections that always have more to do, and one that has little."""
    with Aloft.echo(context.aloft) as server, Watched(context, server) as watched, GoodClient(
        context, server.port
    ) as good:
        peers = [Peer.opened(server.port) for _ in range(16)]
        data = frame(TEXT, b"a", mask=NO_MASK) * 4000
        sent = {}
        for peer in peers:
            peer.socket.setblocking(False)
            sent[peer.socket] = 0
        until = time.monotonic() + 4
        while time.monotonic() < until:
            readable, writable, _ = select.select(sent, sent, [], 0.1)
            for connection in readable:
                connection.recv(1 << 18)
            for connection in writable:
                # The frames are all the same: it goes on where it was interrupted.
                sent[connection] += connection.send(data[sent[connection] % len(data) :])
        watched.memory_grew_at_most(8 + 16)
        remark = good.judge()
        for peer in peers:
            peer.reset()
    return f"{sum(sent.values()) / 7e6:.1f} M messages sent; {remark}"
