"""Bytes as an attacker wants them, and a socket to send them through: right or wrong, in either role."""

import base64
import hashlib
import random
import socket
import ssl
import struct
import time
from dataclasses import dataclass, field

from check import expect

CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0, 1, 2, 8, 9, 10
KEY = "dGhlIHNhbXBsZSBub25jZQ=="
SECONDS = 15


def accept_key(key):
    digest = hashlib.sha1((key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11").encode()).digest()
    return base64.b64encode(digest).decode()


# What a handshake consists of. A value of None leaves the field out.
FIELDS = {
    "Host": "127.0.0.1",
    "Connection": "Upgrade",
    "Upgrade": "websocket",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": KEY,
}


def request(changes=None, *, line="GET / HTTP/1.1", raw=(), end="\r\n"):
    """The head of a request for a WebSocket, with some fields changed, and lines put behind them as they are."""
    fields = {**FIELDS, **(changes or {})}
    lines = [line, *(f"{name}: {value}" for name, value in fields.items() if value is not None), *raw]
    return "".join(text + "\r\n" for text in lines).encode("latin-1") + end.encode()


def response(key, changes=None, *, line="HTTP/1.1 101 Switching Protocols", raw=(), end="\r\n"):
    """The head of a server's answer to a request with `key`, in the same way."""
    fields = {
        "Connection": "Upgrade",
        "Upgrade": "websocket",
        "Sec-WebSocket-Accept": accept_key(key),
        **(changes or {}),
    }
    lines = [line, *(f"{name}: {value}" for name, value in fields.items() if value is not None), *raw]
    return "".join(text + "\r\n" for text in lines).encode("latin-1") + end.encode()


def masked(payload, mask):
    if mask == b"\0\0\0\0" or not payload:
        return payload
    key = (mask * (len(payload) // 4 + 1))[: len(payload)]
    return (int.from_bytes(payload, "big") ^ int.from_bytes(key, "big")).to_bytes(len(payload), "big")


def frame(opcode, payload=b"", *, final=True, bits=0, mask=b"\x37\xfa\x21\x3d", length=None):
    """A frame. `mask=None` leaves it without one; `length` is what the header claims, whatever follows."""
    length = len(payload) if length is None else length
    head = bytes([(0x80 if final else 0) | bits | opcode])
    flag = 0 if mask is None else 0x80
    if length < 126:
        head += bytes([flag | length])
    elif length < 1 << 16:
        head += bytes([flag | 126]) + struct.pack(">H", length)
    else:
        head += bytes([flag | 127]) + struct.pack(">Q", length)
    return head + (payload if mask is None else mask + masked(payload, mask))


def close_frame(code=1000, reason=b"", **options):
    return frame(CLOSE, struct.pack(">H", code) + reason, **options)


@dataclass
class Head:
    """The head of an HTTP message; names in lower case."""

    line: str
    fields: dict

    @property
    def status(self):
        words = self.line.split()
        return int(words[1]) if len(words) > 1 and words[1].isdigit() else 0


@dataclass
class Frame:
    first: int
    payload: bytes

    @property
    def opcode(self):
        return self.first & 0x0F

    @property
    def code(self):
        """Of a Close frame; 1005 if there is none."""
        return struct.unpack(">H", self.payload[:2])[0] if len(self.payload) >= 2 else 1005


@dataclass
class Rest:
    """What came until the end, and how that was: `end` of the stream, `reset`, or `open` if it did not come in time."""

    how: str
    data: bytes = b""
    frames: list = field(default_factory=list)

    @property
    def codes(self):
        return [frame.code for frame in self.frames if frame.opcode == CLOSE]


class Ended(Exception):
    """The other end has ended the stream or reset it."""


class Peer:
    """One end of a connection that keeps no rules. It reads only what it is asked to read."""

    def __init__(self, connection):
        self.socket = connection
        self.socket.settimeout(SECONDS)
        self.buffer = b""

    @classmethod
    def connect(cls, port, *, source=None, receive_buffer=None):
        connection = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        if receive_buffer:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        connection.settimeout(SECONDS)
        if source:
            connection.bind((source, 0))
        connection.connect(("127.0.0.1", port))
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return cls(connection)

    @classmethod
    def opened_at(cls, port, path="/", changes=None, **options):
        """A WebSocket to a server of ours, on which everything is as it should be so far."""
        peer = cls.connect(port, **options)
        peer.send(request(changes, line=f"GET {path} HTTP/1.1"))
        head = peer.read_head()
        expect(head.status == 101, f"a good handshake got {head.line!r}")
        peer.head = head
        return peer

    @classmethod
    def opened(cls, port, changes=None, **options):
        return cls.opened_at(port, changes=changes, **options)

    def send(self, data):
        """Sends all of it, or as much as is taken; whether that was everything."""
        try:
            self.socket.sendall(data)
            return True
        except (ConnectionError, TimeoutError, ssl.SSLError):
            return False

    def read_some(self):
        try:
            data = self.socket.recv(1 << 16)
        except (ConnectionResetError, BrokenPipeError):
            raise Ended("reset") from None
        except ssl.SSLEOFError:
            raise Ended("end") from None
        if not data:
            raise Ended("end")
        self.buffer += data

    def read(self, count):
        while len(self.buffer) < count:
            self.read_some()
        data, self.buffer = self.buffer[:count], self.buffer[count:]
        return data

    def read_head(self):
        while b"\r\n\r\n" not in self.buffer:
            self.read_some()
        text, _, self.buffer = self.buffer.partition(b"\r\n\r\n")
        line, *lines = text.decode("latin-1").split("\r\n")
        fields = dict((name.lower(), value.strip()) for name, _, value in (line.partition(":") for line in lines))
        return Head(line, fields)

    def read_frame(self):
        first, second = self.read(2)
        length = second & 0x7F
        if length == 126:
            length = struct.unpack(">H", self.read(2))[0]
        elif length == 127:
            length = struct.unpack(">Q", self.read(8))[0]
        mask = self.read(4) if second & 0x80 else b"\0\0\0\0"
        return Frame(first, masked(self.read(length), mask))

    def read_to_end(self, seconds=SECONDS):
        """Everything until the other end ends it, at most so long."""
        until = time.monotonic() + seconds
        how = "open"
        try:
            while time.monotonic() < until:
                self.socket.settimeout(max(0.001, until - time.monotonic()))
                self.read_some()
        except Ended as ended:
            how = str(ended)
        except (TimeoutError, ssl.SSLError):
            pass
        self.socket.settimeout(SECONDS)
        data, self.buffer = self.buffer, b""
        return Rest(how, data)

    def read_frames_to_end(self, seconds=SECONDS):
        """The same, taken apart into frames."""
        rest = self.read_to_end(seconds)
        self.buffer = rest.data
        frames = []
        scratch = Peer.__new__(Peer)
        scratch.buffer = rest.data

        def nothing_more():
            raise Ended("end")

        scratch.read_some = nothing_more
        try:
            while scratch.buffer:
                frames.append(scratch.read_frame())
        except Ended:
            pass
        self.buffer = b""
        return Rest(rest.how, rest.data, frames)

    def echo(self, payload=b"there"):
        """Whether everything still works."""
        self.send(frame(BINARY, payload))
        answer = self.read_frame()
        expect(answer.opcode == BINARY and answer.payload == payload, f"no echo, but {answer!r:.200}")

    def end_output(self):
        try:
            self.socket.shutdown(socket.SHUT_WR)
        except OSError:
            pass

    def reset(self):
        """Ends the connection with RST."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()

    def close(self):
        self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def mutated(data, randomness):
    """`data` with some of the mistakes that parsers fall over: seeded, so that a run can be repeated."""
    data = bytearray(data)
    for _ in range(randomness.choice((1, 1, 1, 2, 3, 6))):
        kind = randomness.randrange(8)
        at = randomness.randrange(len(data) + 1) if data else 0
        if kind == 0 and data:
            data[at % len(data)] ^= 1 << randomness.randrange(8)
        elif kind == 1 and data:
            data[at % len(data)] = randomness.choice((0, 0x7F, 0x80, 0xFF, 0x0A, 0x0D, 0x20, 0x3A, 0x2C, 0x22, 0x5C))
        elif kind == 2:
            data[at:at] = randomness.randbytes(randomness.choice((1, 2, 4, 17, 130)))
        elif kind == 3:
            del data[at : at + randomness.choice((1, 2, 8, 40))]
        elif kind == 4:
            piece = data[at : at + randomness.choice((1, 8, 60))]
            data[at:at] = bytes(piece) * randomness.choice((1, 3, 40))
        elif kind == 5:
            del data[at:]
        elif kind == 6:
            data[at:at] = randomness.choice(
                (b"\r\n", b"\r\n\r\n", b"\n", b"\0", b": ", b";", b"=", b"\xc0\x80", b"\x7f\xff")
            )
        elif len(data) > 1:
            other = randomness.randrange(len(data))
            low, high = sorted((at % len(data), other))
            data[low:high] = data[low:high][::-1]
    return bytes(data)


def seeded(*words):
    """Randomness of its own for each purpose, the same in each run."""
    return random.Random(repr(words))
