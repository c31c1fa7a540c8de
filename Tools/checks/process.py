"""The programs that the checks start: each ends with the `with` block that started it."""

import os
import queue
import re
import subprocess
import threading
import time


class DidNotStart(Exception):
    """A program ended, or said nothing for too long, before it was ready."""


class Process:
    """A child process; `ready` is the first match of a pattern in what it prints.

    What it prints is read for as long as it runs (so it never waits for a reader) and kept: `output` is all of it.
    """

    def __init__(self, command, pattern, environment=None, seconds=30):
        self.output = ""
        self._was_ended = False
        self._lines = queue.Queue()
        self._child = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            errors="replace", env={**os.environ, **(environment or {})})
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        try:
            self.ready = self.wait_for(pattern, seconds)
        except BaseException:
            self.end()
            raise

    def _read(self):
        for line in self._child.stdout:
            self.output += line
            self._lines.put(line)
        self._lines.put(None)

    def wait_for(self, pattern, seconds=30):
        """The match of `pattern` in the next line printed that has one."""
        until = time.monotonic() + seconds
        while True:
            try:
                line = self._lines.get(timeout=max(0, until - time.monotonic()))
            except queue.Empty:
                raise DidNotStart(f"no {pattern!r} within {seconds} s; printed: {self.output!r}") from None
            if line is None:
                raise DidNotStart(f"ended with status {self._child.wait()}; printed: {self.output!r}")
            match = re.search(pattern, line)
            if match:
                return match

    @property
    def pid(self):
        return self._child.pid

    @property
    def is_running(self):
        return self._child.poll() is None

    def end(self):
        """Asks the process to end, then makes it; its status."""
        self._was_ended = True
        if self._child.poll() is None:
            self._child.terminate()
            try:
                self._child.wait(5)
            except subprocess.TimeoutExpired:
                self._child.kill()
        status = self._child.wait()
        self._reader.join(5)
        return status

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.end()


class Aloft(Process):
    """One of aloft's servers on a free port of the loopback interface; `url` is the one it printed.

    The environment's CHECK_TRANSPORT, which `run --transport` sets, says what drives its sockets.
    """

    @classmethod
    def echo(cls, aloft, *options, environment=None, wrapper=()):
        return cls([*wrapper, aloft, "echo", *cls.common(), *options], r"listening on (wss?://\S+)", environment)

    @classmethod
    def serve(cls, aloft, *options):
        return cls([aloft, "serve", *cls.common(), *options], r"open (https?://\S+)")

    @staticmethod
    def common():
        transport = os.environ.get("CHECK_TRANSPORT", "automatic")
        return ["--host", "127.0.0.1", "--port", "0", "--transport", transport]

    @property
    def url(self):
        return self.ready.group(1)

    @property
    def port(self):
        return int(re.search(r":(\d+)", self.url).group(1))

    def __exit__(self, kind, *_):
        ended_by_itself = not self.is_running and not self._was_ended
        self.end()
        if kind is None and ended_by_itself:
            raise DidNotStart(f"the server ended by itself; printed: {self.output!r}")
