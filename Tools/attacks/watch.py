"""What a process costs while it is attacked, and what others notice of it."""

import json
import os
import subprocess
import sys
import time

from check import Failed, expect
from wire import Peer, request

MIB = 1 << 20
# What one connection with the library's limits may hold at most: the largest message, a queue of 1 MiB, 64 KiB.
WORST = 1 + 1 + 1 / 16
TICKS = os.sysconf("SC_CLK_TCK")


class Watch:
    """Resident memory, descriptors and processor time of a process."""

    def __init__(self, pid):
        self.pid = pid

    def _status(self, name):
        with open(f"/proc/{self.pid}/status") as file:
            for line in file:
                if line.startswith(name + ":"):
                    return int(line.split()[1]) * 1024
        raise Failed(f"/proc/{self.pid}/status has no {name}")

    @property
    def resident(self):
        return self._status("VmRSS")

    @property
    def peak(self):
        """The most that was resident since ``forget_peak``."""
        return self._status("VmHWM")

    def forget_peak(self):
        with open(f"/proc/{self.pid}/clear_refs", "w") as file:
            file.write("5")

    @property
    def descriptors(self):
        return len(os.listdir(f"/proc/{self.pid}/fd"))

    @property
    def processor_seconds(self):
        with open(f"/proc/{self.pid}/stat") as file:
            fields = file.read().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / TICKS


class Watched:
    """A server of ours before, during and after an attack: its memory, its descriptors, and that it lives.

        with Aloft.echo(context.aloft) as server, Watched(context, server) as watched:
            ...                             # the attack
            watched.memory_grew_at_most(8)  # MiB, at its peak

    When the block ends, an echo works, and the descriptors are back within five seconds.
    """

    def __init__(self, context, server, *, path="/", warm_bytes=0):
        """- warm_bytes: size of the messages that the server has seen before, so that the memory it keeps for the next one
        of them is there.
        """
        self.context = context
        self.server = server
        self.path = path
        self.warm_bytes = warm_bytes
        self.process = Watch(server.pid)

    def __enter__(self):
        # What is made when it is first used is not the attacker's.
        for _ in range(4):
            with Peer.connect(self.server.port) as peer:
                peer.send(request(line="GET /nothing HTTP/1.1", changes={"Upgrade": None, "Connection": "close"}))
                peer.read_to_end(5)
            self.expect_life()
        if self.warm_bytes:
            # More connections than event loops: each has had one.
            for _ in range(16):
                with Peer.opened_at(self.server.port, self.path) as peer:
                    for _ in range(4):
                        peer.echo(bytes(self.warm_bytes))
        time.sleep(0.2)
        self.descriptors = self.process.descriptors
        self.process.forget_peak()
        self.resident = self.process.resident
        self.output = self.server.output
        return self

    def memory_grew_at_most(self, mebibytes, what="resident memory grew by"):
        grown = max(0, self.process.peak - self.resident)
        self.context.at_most(what, grown / MIB, mebibytes, "MiB")

    def expect_life(self):
        expect(self.server.is_running, f"the server has ended: {self.server.output}")
        with Peer.opened_at(self.server.port, self.path) as peer:
            peer.echo()
            peer.send(b"\x88\x80\0\0\0\0")
            peer.read_to_end(5)

    def expect_descriptors(self, wanted, figure="descriptors back after"):
        began = time.monotonic()
        while self.process.descriptors > wanted and time.monotonic() < began + 10:
            time.sleep(0.02)
        left = self.process.descriptors
        took = time.monotonic() - began
        if figure:
            expect(left <= wanted, f"{left - wanted} descriptors are not back after 10 s")
            self.context.at_most(figure, took, 5, "s")

    def __exit__(self, kind, *_):
        if kind is None:
            self.expect_descriptors(self.descriptors)
            self.expect_life()


class GoodClient:
    """Somebody who uses the server meanwhile: a message every 5 ms, from a process of its own.

    It measures for a while in peace first; ``judge`` compares.
    """

    def __init__(self, context, port, *, path="/"):
        self.context = context
        self._command = [sys.executable, os.path.join(os.path.dirname(__file__), "good_client.py"), str(port), path]
        self._child = None

    def _start(self):
        self._child = subprocess.Popen(self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        expect(self._child.stdout.readline() == "ready\n", "the good client cannot connect")

    def _stop(self):
        output, _ = self._child.communicate(timeout=30)
        return json.loads(output)

    def __enter__(self):
        self._start()
        time.sleep(1.5)
        self.quiet = self._stop()
        expect(self.quiet["errors"] == 0 and self.quiet["count"] > 50, f"in peace: {self.quiet}")
        self._start()
        return self

    def judge(self):
        """Ends it. Its p99 is at most ten times what it was, or 50 ms, and nothing went wrong."""
        attacked = self._stop()
        self.context.at_most("errors of a good client", attacked["errors"], 0)
        limit = max(10 * self.quiet["p99"], 0.05)
        self.context.at_most("p99 of a good client", attacked["p99"] * 1e3, limit * 1e3, "ms")
        expect(attacked["count"] > 40, f"the good client got {attacked['count']} answers only")
        return f"p99 {self.quiet['p99'] * 1e3:.1f} ms in peace, {attacked['p99'] * 1e3:.1f} ms under attack"

    def __exit__(self, *_):
        if self._child and self._child.poll() is None:
            self._child.kill()
            self._child.wait()
