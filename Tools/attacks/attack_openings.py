"""Connections that never become anything: half-open ones, idle ones, too many of them."""

import select
import socket
import time

from check import check, expect, expect_equal
from process import Aloft
from watch import GoodClient, Watched
from wire import Ended, Peer, request

# The limit of the library, and what a busy machine may add.
HANDSHAKE_SECONDS = 10
TOLERANCE = 1.5


def seconds_until_cut(peers, trickle, began, most=20):
    """When each was cut, and what it was told; `trickle` is sent to all every half second."""
    left = {peer.socket.fileno(): peer for peer in peers}
    poll = select.poll()
    for number, peer in left.items():
        poll.register(number, select.POLLIN)
    last, statuses = 0.0, []
    due = time.monotonic()
    while left and time.monotonic() - began < most:
        for number, _ in poll.poll(100):
            peer = left[number]
            try:
                peer.read_some()
                continue
            except (Ended, OSError):
                pass
            last = time.monotonic() - began
            statuses.append(peer.buffer[9:12])
            poll.unregister(number)
            del left[number]
        if time.monotonic() >= due:
            due += 0.5
            for peer in left.values():
                peer.send(trickle)
    return last, statuses, len(left)


@check("slowloris, 500 half-open", alone=True)
def slowloris(context):
    """A head that trickles, a head that never comes, nothing at all: cut ten seconds after the accept, all of them."""
    with Aloft.echo(context.aloft) as server, Watched(context, server) as watched, GoodClient(
        context, server.port
    ) as good:
        # Other addresses than the good client's, so that what the system does for each is not the same.
        peers = [Peer.connect(server.port, source=f"127.0.0.{2 + number % 8}") for number in range(500)]
        began = time.monotonic()
        for number, peer in enumerate(peers):
            if number % 3:
                peer.send(request(end="X-A: "))
        last, statuses, left = seconds_until_cut([peer for number, peer in enumerate(peers) if number % 3], b"a", began)
        _, silent, silent_left = seconds_until_cut(
            [peer for number, peer in enumerate(peers) if not number % 3], b"", began
        )
        context.at_most("half-open connections left", left + silent_left, 0)
        context.at_most("the last one is cut after", last, HANDSHAKE_SECONDS + TOLERANCE, "s")
        told = {status for status in statuses + silent if status}
        expect(told <= {b"408"}, f"they were told {told}")
        watched.memory_grew_at_most(8)
        remark = good.judge()
        for peer in peers:
            peer.close()
    return remark


@check("slow body of an ordinary request", seconds=90)
def slow_body(context):
    """R-U-Dead-Yet: a body that trickles is cut when its time is over, 30 seconds."""
    with Aloft.serve(context.aloft) as server, Watched(context, server, path="/echo"):
        with Peer.connect(server.port) as peer:
            began = time.monotonic()
            peer.send(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n")
            last, _, left = seconds_until_cut([peer], b"a", began, most=45)
            expect_equal(left, 0, "connections left")
            context.at_most("cut after", last, 30 + TOLERANCE, "s")


@check("1,000 idle connections", alone=True)
def flood(context):
    with Aloft.echo(context.aloft) as server, Watched(context, server) as watched, GoodClient(
        context, server.port
    ) as good:
        peers = [Peer.opened(server.port, source=f"127.0.0.{2 + number % 8}") for number in range(1000)]
        watched.memory_grew_at_most(1000 * 64 / 1024, "resident memory for 1,000")
        context.at_most(
            "resident memory for each", (watched.process.resident - watched.resident) / 1000 / 1024, 64, "KiB"
        )
        for peer in peers[::100]:
            peer.echo()
        remark = good.judge()
        for peer in peers:
            peer.close()
    return remark


@check("connections beyond the limit")
def limit(context):
    """Half of the descriptors there are, where 512 cannot be kept back: who comes then is told 503, and the listener lives."""
    most = 512
    with Aloft.echo(context.aloft, wrapper=("prlimit", "--nofile=1024:1024")) as server, Watched(
        context, server
    ) as watched:
        peers = []
        for _ in range(most):
            peers.append(Peer.opened(server.port))
        refused = 0
        for _ in range(100):
            with Peer.connect(server.port) as peer:
                peer.send(request())
                head = peer.read_head()
                expect_equal(head.status, 503, f"status of connection {most + 1}")
                expect("retry-after" in head.fields, f"no Retry-After in {head.fields}")
                expect(peer.read_to_end(5).how in ("end", "reset"), "a refused connection stays open")
                refused += 1
        # A crowd is not even answered, and does no harm.
        crowd = [Peer.connect(server.port) for _ in range(600)]
        for peer in peers[::64]:
            peer.echo()
        for peer in crowd:
            peer.reset()
        for peer in peers:
            peer.reset()
        watched.expect_descriptors(watched.descriptors, "descriptors back from the crowd after")
        watched.expect_life()
        watched.memory_grew_at_most(most * 64 / 1024 + 8)
    return f"{refused} told 503 while {most} were open"


@check("requests that nobody finishes, from 2,000 sockets at once")
def burst(context):
    """Everybody connects in the same moment, sends a part of a head and is gone."""
    with Aloft.echo(context.aloft) as server, Watched(context, server) as watched:
        sockets = []
        for number in range(2000):
            connection = socket.socket()
            connection.setblocking(False)
            connection.bind((f"127.0.0.{2 + number % 8}", 0))
            connection.connect_ex(("127.0.0.1", server.port))
            sockets.append(connection)
        part = request()[:40]
        for connection in sockets:
            try:
                connection.send(part)
            except OSError:
                pass
        time.sleep(0.2)
        for connection in sockets:
            connection.close()
        watched.memory_grew_at_most(2000 * 16 / 1024 + 4)
