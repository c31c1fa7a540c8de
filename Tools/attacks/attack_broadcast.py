"""A chat with a thousand members, of whom a hundred do not read."""

import json
import os
import subprocess
import sys
import time

from check import check, expect
from process import Aloft
from watch import MIB, Watched
from wire import TEXT, Peer, frame

SENDERS = 4
# Messages a second of each sender, below what the chat allows.
RATE = 8
# The most characters that the chat takes, of three bytes each.
PADDING = "漢" * 1970


class Crowd:
    """Members that read, in a process of their own."""

    def __init__(self, port, count):
        self._child = subprocess.Popen(
            [sys.executable, os.path.join(os.path.dirname(__file__), "crowd.py"), str(port), str(count)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        expect(self._child.stdout.readline() == "ready\n", "the crowd cannot join")

    def forget(self):
        self._child.stdin.write("\n")
        self._child.stdin.flush()

    def end(self):
        output, _ = self._child.communicate(timeout=30)
        return json.loads(output)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._child.kill()
        self._child.wait()


def joined(port, name, **options):
    peer = Peer.opened_at(port, "/ws", **options)
    peer.send(frame(TEXT, json.dumps({"type": "join", "name": name}).encode()))
    return peer


def talk(senders, seconds, look):
    """Everybody talks at a steady rate; what comes back to them is thrown away. `look` is called after each message."""
    began = time.monotonic()
    number = 0
    while time.monotonic() < began + seconds:
        sender = senders[number % len(senders)]
        said = {"type": "say", "text": f"@{time.monotonic_ns()}@{PADDING}"}
        sender.send(frame(TEXT, json.dumps(said, ensure_ascii=False).encode()))
        for peer in senders:
            peer.socket.setblocking(False)
            try:
                while peer.socket.recv(1 << 18):
                    pass
            except BlockingIOError:
                pass
            peer.socket.settimeout(15)
        number += 1
        look(time.monotonic() - began)
        time.sleep(max(0, began + number / (len(senders) * RATE) - time.monotonic()))
    return number


def measured(port, good, stalled_count, watched):
    """How long messages take to `good` members that read while some do not; when the last of those was cut."""
    with Crowd(port, good) as crowd:
        stalled = [joined(port, f"stalled {number}", receive_buffer=4096) for number in range(stalled_count)]
        senders = [joined(port, f"sender {number}") for number in range(SENDERS)]
        time.sleep(2)
        crowd.forget()
        watched.process.forget_peak()
        before = watched.process.resident
        cut = []

        def look(seconds):
            if not cut and watched.process.descriptors <= watched.descriptors + good + SENDERS:
                cut.append(seconds)

        count = talk(senders, 15, look)
        grown = (watched.process.peak - before) / MIB
        result = crowd.end()
        for peer in stalled + senders:
            peer.reset()
    expect(result["errors"] == 0, f"{result['errors']} members that read were cut")
    expect(result["count"] > count * good / 30 * 0.8, f"only {result['count']} of {count} messages were seen by some")
    return result, cut, grown


@check("broadcast, 890 members that read and 100 that do not", seconds=120, alone=True)
def broadcast(context):
    """The stalled ones slow nobody; they are cut when their queue is full, or has not moved for ten seconds."""
    with Aloft.serve(context.aloft) as server, Watched(context, server, path="/echo") as watched:
        quiet, _, _ = measured(server.port, 890, 0, watched)
        watched.expect_descriptors(watched.descriptors, None)
        stalled, cut, grown = measured(server.port, 890, 100, watched)
        context.at_most("p99 of the fan-out beside the stalled", stalled["p99"] * 1e3, 2 * quiet["p99"] * 1e3, "ms")
        expect(cut, "the stalled are still there after 15 s")
        context.at_most("the stalled are cut after", cut[0], 15, "s")
        context.at_most("resident memory grew by", max(0, grown), 110, "MiB")
    return f"p99 {quiet['p99'] * 1e3:.0f} ms without, {stalled['p99'] * 1e3:.0f} ms with the stalled"
