"""Members of the chat of `aloft serve` that read everything, until standard input ends. See attack_broadcast.py.

usage: crowd.py PORT COUNT

Prints `ready` when all have joined, and at the end what some of them measured, as JSON: each message says when it was sent.
A line on standard input throws away what was measured so far.
"""

import json
import os
import re
import select
import sys
import time

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "..", "checks")]

from wire import TEXT, Peer, frame  # noqa: E402

# Every so many-th looks at what it reads.
SAMPLE = 30
SENT_AT = re.compile(rb"@(\d+)@")


def main():
    port, count = int(sys.argv[1]), int(sys.argv[2])
    poll = select.epoll()
    samples, times = {}, []
    peers = {}
    errors = 0

    def read(seconds):
        nonlocal errors
        for number, _ in poll.poll(seconds):
            if number == 0:
                return True
            try:
                data = peers[number].socket.recv(1 << 18)
            except BlockingIOError:
                continue
            except OSError:
                data = b""
            if not data:
                errors += 1
                poll.unregister(number)
                continue
            if number in samples:
                now = time.monotonic_ns()
                # A mark that is cut in two is found with what comes next.
                data = samples[number] + data
                end = 0
                for found in SENT_AT.finditer(data):
                    times.append((now - int(found.group(1))) / 1e9)
                    end = found.end()
                samples[number] = data[max(end, len(data) - 40) :]
        return False

    for number in range(count):
        peer = Peer.opened_at(port, "/ws")
        peer.socket.setblocking(False)
        peer.send(frame(TEXT, json.dumps({"type": "join", "name": f"reader {number}"}).encode()))
        peers[peer.socket.fileno()] = peer
        if number % SAMPLE == 0:
            samples[peer.socket.fileno()] = b""
        poll.register(peer.socket.fileno(), select.EPOLLIN)
        read(0)
    until = time.monotonic() + 1
    while time.monotonic() < until:
        read(0.1)
    print("ready", flush=True)
    poll.register(0, select.EPOLLIN)
    while True:
        if read(1):
            if not os.read(0, 100):
                break
            times.clear()
    times.sort()

    def quantile(share):
        return times[min(len(times) - 1, int(len(times) * share))] if times else 60.0

    print(json.dumps({"count": len(times), "errors": errors, "p50": quantile(0.5), "p99": quantile(0.99)}))


if __name__ == "__main__":
    main()
