"""Ends: half of them, all at once, at every stage, and never."""

import socket
import struct
import threading
import time

from check import check, expect, expect_equal
from process import Aloft
from watch import Watched
from wire import BINARY, CLOSE, CONTINUATION, PING, TEXT, Peer, close_frame, frame, request

# What a polite peer gets, and what is thrown away after a violation (limits of the library), with a tolerance.
CLOSE_SECONDS = 5.5
DISCARD_SECONDS = 2.5


@check("churn, 2,000 sockets cut at 6 stages")
def churn(context):
    """Half of them by RST. Nothing of them stays, and they are not worth a line of the log each."""

    def cut(number):
        stage, by_reset = number % 6, number // 6 % 2
        peer = Peer.connect(server.port, source=f"127.0.0.{2 + number % 8}")
        if stage == 1:
            peer.send(request()[:60])
        elif stage == 2:
            peer.send(request())
        elif stage >= 3:
            peer.send(request())
            peer.read_head()
        if stage == 4:
            peer.send(frame(BINARY, bytes(5000))[:2000] if number % 4 else frame(TEXT, b"a", final=False))
        elif stage == 5:
            peer.send(frame(BINARY, bytes(5000)) + frame(CLOSE))
        if by_reset:
            peer.reset()
        else:
            peer.close()

    def cut_many(first):
        for number in range(first, 2000, 4):
            cut(number)

    with Aloft.echo(context.aloft) as server, Watched(context, server) as watched:
        threads = [threading.Thread(target=cut_many, args=(first,)) for first in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        watched.expect_descriptors(watched.descriptors)
        watched.memory_grew_at_most(8)
        context.at_most("lines of the log", len(server.output[len(watched.output) :].splitlines()), 0)


@check("half-closed, in each state")
def half_closed(context):
    """The peer ends its side of the stream and goes on reading: it is let go."""
    message = frame(BINARY, b"a" * 1000)
    states = [
        ("before the request", False, b""),
        ("inside the request", False, request()[:50]),
        ("behind an ordinary request", False, b"GET /nothing HTTP/1.1\r\nHost: a\r\n\r\n"),
        ("open", True, b""),
        ("inside a header", True, message[:3]),
        ("inside a frame", True, message[:500]),
        ("inside a message", True, frame(TEXT, b"a", final=False)),
        ("behind a message", True, message),
        ("behind a Close", True, close_frame()),
        ("behind a violation", True, frame(3)),
    ]
    with Aloft.echo(context.aloft) as server, Watched(context, server) as watched:
        for what, is_open, data in states:
            slowest = 0.0
            for _ in range(20):
                peer = Peer.opened(server.port) if is_open else Peer.connect(server.port)
                began = time.monotonic()
                peer.send(data)
                peer.end_output()
                rest = peer.read_frames_to_end(8)
                slowest = max(slowest, time.monotonic() - began)
                expect(rest.how in ("end", "reset"), f"{what}: the connection stays {rest.how}")
                if what == "behind a Close":
                    expect_equal(rest.codes, [1000], "close codes")
                if what == "behind a violation":
                    expect_equal(rest.codes, [1002], "close codes")
                peer.close()
            context.at_most(f"half-closed {what}: let go after", slowest, 5, "s")
        # And its output is kept open by an attacker that never reads: 200 of them.
        peers = [Peer.opened(server.port) for _ in range(200)]
        for peer in peers:
            peer.end_output()
        watched.expect_descriptors(watched.descriptors, "200 half-closed, descriptors back after")
        for peer in peers:
            peer.close()


@check("close races", seconds=90)
def close_races(context):
    """Both ends close, or one of them in the worst moment, a hundred times each."""
    big = frame(BINARY, bytes(300_000), mask=b"\0\0\0\0")

    def both(server):
        with Peer.opened(server.port) as peer:
            # Both are failing: a violation, and a Close behind it.
            peer.send(close_frame() + frame(3) + close_frame(1001))
            rest = peer.read_frames_to_end(5)
            expect_equal(rest.codes, [1000], "close codes for a Close with a violation behind it")

    def data_behind(server):
        with Peer.opened(server.port) as peer:
            peer.send(close_frame() + frame(TEXT, b"late") * 50 + frame(PING) * 5)
            rest = peer.read_frames_to_end(5)
            expect_equal([answer.opcode for answer in rest.frames], [CLOSE], "what is answered behind a Close")

    def twice(server):
        with Peer.opened(server.port) as peer:
            peer.send(close_frame(3000))
            time.sleep(0.001)
            peer.send(close_frame(3001))
            expect_equal(peer.read_frames_to_end(5).codes, [3000], "close codes for two Close frames")

    def reset_behind(server):
        peer = Peer.opened(server.port)
        peer.send(frame(BINARY, bytes(50_000)) + close_frame())
        peer.reset()

    def with_output_stuck(server):
        """The answers before the Close are not read until later: all of them come, and then the Close."""
        with Peer.opened(server.port) as peer:
            peer.send(big * 3 + close_frame())
            time.sleep(0.01)
            rest = peer.read_frames_to_end(8)
            expect_equal([answer.opcode for answer in rest.frames], [BINARY] * 3 + [CLOSE], "what comes before the end")

    def inside_a_message(server):
        with Peer.opened(server.port) as peer:
            peer.send(frame(TEXT, b"a", final=False) + close_frame(1001) + frame(CONTINUATION, b"b"))
            expect_equal(peer.read_frames_to_end(5).codes, [1001], "close codes for a Close inside a message")

    races = [both, data_behind, twice, reset_behind, with_output_stuck, inside_a_message]
    with Aloft.echo(context.aloft) as server, Watched(context, server) as watched:
        for race in races:
            for _ in range(100):
                race(server)
        watched.expect_descriptors(watched.descriptors)
        watched.memory_grew_at_most(8)
    # The server goes down while everybody closes: nobody is left, and it ends by itself.
    with Aloft.echo(context.aloft) as server:
        peers = [Peer.opened(server.port) for _ in range(200)]
        closer = threading.Thread(target=lambda: [peer.send(close_frame()) for peer in peers])
        began = time.monotonic()
        closer.start()
        expect_equal(server.end(), 0, "exit status of a server that goes down while everybody closes")
        closer.join()
        context.at_most("going down while everybody closes", time.monotonic() - began, 5, "s")
        for peer in peers:
            codes = peer.read_frames_to_end(5).codes
            expect(codes and codes[0] in (1000, 1001), f"close codes {codes} of a server that goes down")
            peer.close()
    return f"{len(races)} races, 100 times each"


@check("closings that are never answered", seconds=90)
def never_answered(context):
    """After a violation bytes are thrown away for two seconds, or 64 KiB of them; then it is over, whoever goes on."""
    with Aloft.echo(context.aloft) as server, Watched(context, server) as watched:
        # It says nothing, and does not end its stream.
        peers = [Peer.opened(server.port) for _ in range(50)]
        for peer in peers:
            peer.send(frame(3))
        began = time.monotonic()
        while watched.process.descriptors > watched.descriptors and time.monotonic() < began + 10:
            time.sleep(0.02)
        context.at_most("silence after a violation is over after", time.monotonic() - began, DISCARD_SECONDS, "s")
        for peer in peers:
            peer.close()
        # It goes on sending: how much is taken is bounded by what is thrown away and by the buffers of the system.
        with Peer.opened(server.port) as peer:
            peer.send(frame(3))
            taken = 0
            began = time.monotonic()
            while peer.send(bytes(16 << 10)) and time.monotonic() < began + 10:
                taken += 16 << 10
            context.at_most("noise after a violation is over after", time.monotonic() - began, DISCARD_SECONDS, "s")
        # A byte now and then does not make it last.
        with Peer.opened(server.port) as peer:
            peer.send(frame(3))
            began = time.monotonic()
            while peer.send(b"a") and time.monotonic() < began + 10:
                time.sleep(0.1)
            context.at_most("a trickle after a violation is over after", time.monotonic() - began, DISCARD_SECONDS, "s")
        # A refused request is the same.
        with Peer.connect(server.port) as peer:
            peer.send(b"no request\r\n\r\n")
            began = time.monotonic()
            while peer.send(b"a") and time.monotonic() < began + 10:
                time.sleep(0.1)
            context.at_most("a trickle after a refusal is over after", time.monotonic() - began, DISCARD_SECONDS, "s")
        # A good Close whose answer nobody takes, behind output that nobody reads.
        peers = [Peer.connect(server.port, receive_buffer=4096) for _ in range(20)]
        for peer in peers:
            peer.send(request())
            peer.socket.settimeout(0.2)
            try:
                peer.socket.sendall(frame(BINARY, bytes(1 << 20), mask=b"\0\0\0\0") * 8 + close_frame())
            except OSError:
                pass
        began = time.monotonic()
        while watched.process.descriptors > watched.descriptors and time.monotonic() < began + 30:
            time.sleep(0.05)
        # Ten seconds without progress, and five for the last bytes.
        context.at_most("unread output is given up after", time.monotonic() - began, 10 + CLOSE_SECONDS, "s")
        for peer in peers:
            peer.reset()
        watched.memory_grew_at_most(20 * 2 + 8)


@check("urgent data, and segments of one byte")
def odd_segments(context):
    """What TCP can do to a stream of bytes."""
    with Aloft.echo(context.aloft) as server, Watched(context, server):
        with Peer.opened(server.port) as peer:
            for byte in frame(TEXT, b"a" * 300):
                peer.send(bytes([byte]))
            expect_equal(peer.read_frame().payload, b"a" * 300, "the echo of 308 segments")
        for _ in range(50):
            with Peer.opened(server.port) as peer:
                # The urgent byte is taken out of the stream or is a part of it: it is no reason to spin or to die.
                peer.socket.send(b"!", socket.MSG_OOB)
                peer.send(frame(BINARY, b"b"))
                peer.end_output()
                expect(peer.read_to_end(5).how != "open", "urgent data keeps the connection open")
        with Peer.connect(server.port) as peer:
            peer.socket.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
            peer.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            peer.send(request())
            expect_equal(peer.read_head().status, 101, "status")
            peer.echo()
