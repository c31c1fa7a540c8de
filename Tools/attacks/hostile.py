"""A server that does what a scenario says to each connection, and our client that connects to it."""

import os
import re
import socket
import ssl
import subprocess
import threading
import time
from dataclasses import dataclass

from check import expect
from wire import Ended, Peer, response

KEY_LINE = re.compile(rb"^sec-websocket-key:[ \t]*(\S+)", re.IGNORECASE | re.MULTILINE)


class Victim(Peer):
    """A client that has connected: what a scenario gets."""

    number = 0
    key = ""
    request = b""

    def read_request(self):
        while b"\r\n\r\n" not in self.buffer:
            self.read_some()
        head, _, self.buffer = self.buffer.partition(b"\r\n\r\n")
        self.request = head
        found = KEY_LINE.search(head)
        self.key = found.group(1).decode() if found else ""

    def upgrade(self, changes=None, behind=b"", **options):
        """Reads the request and accepts it; `behind` goes in the same segment."""
        self.read_request()
        self.send(response(self.key, changes, **options) + behind)

    def offers(self, word):
        return word.encode() in self.request

    def trickle(self, data, interval=0.2, seconds=60):
        """A byte now and then, for as long as somebody listens."""
        until = time.monotonic() + seconds
        for byte in data:
            if time.monotonic() > until or not self.send(bytes([byte])):
                return
            time.sleep(interval)

    def pour(self, data, seconds=30):
        """The same again and again; how many bytes were taken before the other end had enough."""
        until = time.monotonic() + seconds
        count = 0
        self.socket.settimeout(seconds)
        while time.monotonic() < until and self.send(data):
            count += len(data)
        return count


class HostileServer:
    """Listens on a free port; `scenario(victim)` runs in a thread of its own for each connection, which ends with it."""

    def __init__(self, scenario, *, tls=None):
        self._scenario = scenario
        self._tls = tls
        self._socket = socket.create_server(("127.0.0.1", 0), backlog=1024)
        self.port = self._socket.getsockname()[1]
        self.connections = 0
        self.errors = []
        self._is_over = False
        self._threads = []
        self._thread = threading.Thread(target=self._accept, daemon=True)

    @property
    def url(self):
        return f"{'wss' if self._tls else 'ws'}://{'localhost' if self._tls else '127.0.0.1'}:{self.port}/"

    def _accept(self):
        while not self._is_over:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            self.connections += 1
            thread = threading.Thread(target=self._run, args=(connection, self.connections), daemon=True)
            self._threads = [old for old in self._threads if old.is_alive()] + [thread]
            thread.start()

    def _run(self, connection, number):
        try:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if self._tls:
                connection = self._tls.wrap_socket(connection, server_side=True)
            with Victim(connection) as victim:
                victim.number = number
                self._scenario(victim)
        except (Ended, OSError, ssl.SSLError):
            connection.close()
        except Exception as error:  # A mistake of the scenario's: told by the check.
            self.errors.append(error)
            connection.close()

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, kind, *_):
        self._is_over = True
        self._socket.close()
        for thread in self._threads:
            thread.join(0.5)
        if kind is None and self.errors:
            raise self.errors[0]


@dataclass
class Outcome:
    """What `aloft echo-back` printed of its connections, and what it cost."""

    lines: list
    status: int
    seconds: float
    resident: int
    processor_seconds: float

    @property
    def line(self):
        return self.lines[0] if self.lines else ""


def run_client(context, url, *options, seconds=50):
    """Our client at a server: each line without its number."""
    transport = os.environ.get("CHECK_TRANSPORT", "automatic")
    command = [context.aloft, "echo-back", url, "--transport", transport, *options]
    began = time.monotonic()
    child = subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace"
    )
    killer = threading.Timer(seconds, child.kill)
    killer.start()
    try:
        output = child.stdout.read()
        _, status, usage = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
    finally:
        killer.cancel()
    took = time.monotonic() - began
    expect(child.returncode == 0, f"the client ended with {child.returncode} after {took:.1f} s: {output[-1500:]}")
    lines = [line.partition(" ")[2] for line in output.splitlines()]
    return Outcome(lines, child.returncode, took, usage.ru_maxrss * 1024, usage.ru_utime + usage.ru_stime)


def meet(context, scenario, *options, tls=None, seconds=50):
    """Our client at a server that follows `scenario`: what came of it, and the server."""
    with HostileServer(scenario, tls=tls) as server:
        return run_client(context, server.url, *options, seconds=seconds), server


def quiet_resident(context, *options):
    """What our client needs where nothing is wrong."""

    def scenario(victim):
        victim.upgrade(behind=b"\x82\x05hello\x88\x02\x03\xe8")
        victim.read_to_end(5)

    outcome, _ = meet(context, scenario, *options)
    expect(outcome.line.startswith("closed by the peer 1000"), f"a good server was met with {outcome.line!r}")
    return outcome.resident
