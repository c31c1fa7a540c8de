"""What a check is made of: the list it enters, what it may raise, and what it gets."""

import os
import random
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field


class Failed(Exception):
    """The peer did not behave as it has to."""


class Skipped(Exception):
    """This machine lacks what the check needs; the message says what."""


@dataclass
class Figure:
    """Something measured, beside what it must not exceed."""

    what: str
    seen: float
    limit: float
    unit: str

    @property
    def is_met(self):
        return self.seen <= self.limit


@dataclass
class Context:
    """What every check gets. `directory` is its own, and is removed afterwards."""

    aloft: str
    directory: str = field(default_factory=lambda: tempfile.mkdtemp(prefix="check-"))
    figures: list = field(default_factory=list)

    def at_most(self, what, seen, limit, unit=""):
        """Enters a figure into the table. One that exceeds its limit fails the check when it is over."""
        self.figures.append(Figure(what, seen, limit, unit))

    def remove(self):
        shutil.rmtree(self.directory, ignore_errors=True)


@dataclass
class Check:
    """A check that is in the list. One that is `alone` measures something that others would disturb."""

    function: Callable
    seconds: float
    is_alone: bool


CHECKS = {}


def check(name, *, seconds=60, alone=False):
    """Enters a function in the list under `name`. It gets a Context, raises to fail, and may return a remark.

    It must be done within `seconds`. Where checks run at the same time, one that is `alone` does not.
    """

    def enter(function):
        if name in CHECKS:
            raise ValueError(f"two checks are named {name!r}")
        CHECKS[name] = Check(function, seconds, alone)
        return function

    return enter


def expect(is_so, what):
    if not is_so:
        raise Failed(what)


def expect_equal(got, wanted, what):
    """Compares without printing a megabyte."""
    if got != wanted:
        raise Failed(f"{what}: got {shortened(got)}, not {shortened(wanted)}")


def shortened(value):
    text = repr(value)
    length = f" ({len(value)} long)" if hasattr(value, "__len__") and len(text) > 100 else ""
    return (text if len(text) <= 100 else text[:80] + "...") + length


# The lengths at which the header of a frame changes its form, and some well above.
SIZES = [0, 1, 125, 126, 127, 4096, 65535, 65536, 65537, 1 << 20]


def sample_text(size, seed=1):
    """`size` bytes of UTF-8 with characters of one to four bytes: half of it compresses well, half does not."""
    random_text = random.Random(seed * 1_000_003 + size)
    alphabet = "abcdefghij klmnopq é ß 漢 字 🪁"
    pieces, length = [], 0
    while length < size:
        piece = "the same again, " if random_text.random() < 0.5 else random_text.choice(alphabet)
        width = len(piece.encode())
        if length + width > size:
            piece, width = ".", 1
        pieces.append(piece)
        length += width
    return "".join(pieces)


def sample_bytes(size, seed=1):
    random_bytes = random.Random(seed * 1_000_003 + size)
    half = size // 2
    return random_bytes.randbytes(half) + bytes(size - half)


def run_command(command, seconds=50, environment=None):
    """Status and everything printed of a command that ends by itself."""
    done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          errors="replace", timeout=seconds, env={**os.environ, **(environment or {})})
    return done.returncode, done.stdout
