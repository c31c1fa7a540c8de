"""Peers that do not read: what is sent to them waits, and nobody else does."""

import select
import time

from check import check
from process import Aloft
from watch import WORST, GoodClient, Watched
from wire import BINARY, TEXT, Peer, frame

MIB = 1 << 20
NO_MASK = b"\0\0\0\0"


def push(peers, data, seconds):
    """Sends `data` to all at the same time, as much as each takes; how many bytes that was."""
    left = {peer.socket: memoryview(data) for peer in peers}
    for connection in left:
        connection.setblocking(False)
    until = time.monotonic() + seconds
    sent = 0
    while left and time.monotonic() < until:
        _, writable, _ = select.select([], list(left), [], 0.1)
        for connection in writable:
            try:
                count = connection.send(left[connection])
            except BlockingIOError:
                continue
            except OSError:
                del left[connection]
                continue
            sent += count
            left[connection] = left[connection][count:]
            if not left[connection]:
                del left[connection]
    return sent


def waiting_in_system(port):
    """Bytes that were handed to the system for each connection of our server and that the peer has not taken."""
    waiting = {}
    with open("/proc/net/tcp") as file:
        for line in list(file)[1:]:
            _, local, peer, _, queues, *_ = line.split()
            if int(local.rpartition(":")[2], 16) == port:
                waiting[peer] = int(queues.partition(":")[0], 16)
    return waiting


@check("four stalled echo readers, 48 MiB each", alone=True)
def stalled_readers(context):
    data = frame(BINARY, bytes(MIB), mask=NO_MASK) * 48
    with Aloft.echo(context.aloft) as server, Watched(context, server, warm_bytes=MIB) as watched, GoodClient(
        context, server.port
    ) as good:
        peers = [Peer.opened(server.port) for _ in range(4)]
        taken = push(peers, data, 3)
        watched.memory_grew_at_most(8)
        began = time.monotonic()
        remark = good.judge()
        # Nothing is taken for ten seconds: they are given up, and what waited for them is gone.
        while watched.process.descriptors > watched.descriptors and time.monotonic() < began + 20:
            time.sleep(0.05)
        context.at_most("the stalled are given up after", time.monotonic() - began + 3, 10 + 5, "s")
        for peer in peers:
            peer.reset()
    return f"{taken / MIB:.0f} MiB were taken; {remark}"


@check("200 stalled readers of small messages", alone=True)
def many_stalled(context):
    """Each costs what may wait for it, whether it waits as one message or as a hundred thousand."""
    data = frame(TEXT, b"a" * 20, mask=NO_MASK) * 200_000
    with Aloft.echo(context.aloft) as server, Watched(context, server) as watched, GoodClient(
        context, server.port
    ) as good:
        peers = [Peer.opened(server.port, receive_buffer=8192) for _ in range(200)]
        taken = push(peers, data, 3)
        # What waits in the system, outside of the process: 256 KiB that have not been sent, one segment more at most, and
        # what is on its way, which the receiver's buffer bounds.
        waiting = max(waiting_in_system(server.port).values(), default=0)
        context.at_most("bytes of one in the system's memory", waiting, (256 + 64 + 8) << 10)
        # The high-water mark, what one read brought beyond it, and what has been read of the next one.
        watched.memory_grew_at_most(200 * 3 * 64 / 1024 + 8)
        remark = good.judge()
        for peer in peers:
            peer.reset()
    return f"{taken / MIB:.0f} MiB were taken; {remark}"


@check("readers of a byte at a time", alone=True)
def slow_readers(context):
    """They read, so they are not given up; what waits for them is bounded all the same."""
    data = frame(BINARY, bytes(MIB), mask=NO_MASK) * 8
    with Aloft.echo(context.aloft) as server, Watched(context, server) as watched, GoodClient(
        context, server.port
    ) as good:
        peers = [Peer.opened(server.port, receive_buffer=4096) for _ in range(20)]
        push(peers, data, 1)
        until = time.monotonic() + 3
        while time.monotonic() < until:
            for peer in peers:
                try:
                    peer.socket.recv(1)
                except BlockingIOError:
                    pass
            time.sleep(0.01)
        watched.memory_grew_at_most(20 * WORST)
        remark = good.judge()
        for peer in peers:
            peer.reset()
    return remark
