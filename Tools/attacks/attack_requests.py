"""Requests that must not become WebSockets, or must: limits of the head, malformed heads, smuggling, wrong handshakes."""

import re
import select
import time

from check import Failed, check, expect, expect_equal
from process import Aloft
from watch import WORST, Watch, Watched
from wire import BINARY, CLOSE, KEY, PING, PONG, TEXT, Ended, Peer, frame, request

KIB = 1 << 10
# A status line, and not a sentence that names the protocol.
ANSWER = re.compile(rb"HTTP/1\.[01] \d{3}")


def expect_refused(server, what, data, statuses):
    """One answer with one of these statuses, no 101, no second answer, and then the end."""
    with Peer.connect(server.port) as peer:
        peer.send(data)
        try:
            head = peer.read_head()
        except (Ended, TimeoutError) as how:
            raise Failed(f"{what}: no answer, but {how!r}") from None
        rest = peer.read_to_end(5)
        expect(head.status in statuses, f"{what}: {head.line!r}, not {statuses}")
        expect(not ANSWER.search(rest.data), f"{what}: a second answer {rest.data[:200]!r}")
        expect(rest.how == "end", f"{what}: {rest.how} behind the answer instead of an end")
    return head


def expect_opened(server, what, data):
    with Peer.connect(server.port) as peer:
        peer.send(data)
        head = peer.read_head()
        expect(head.status == 101, f"{what}: {head.line!r}, not 101")
        peer.echo()
    return head


def bytes_until_answer(port, piece, beginning=b""):
    """Sends `piece` for ever; how much was taken before the answer, the status, and how it ended."""
    with Peer.connect(port) as peer:
        sent = len(beginning)
        peer.send(beginning)
        while sent < 16 << 20 and not select.select([peer.socket], [], [], 0.002)[0]:
            if not peer.send(piece):
                break
            sent += len(piece)
        head = peer.read_head()
        rest = peer.read_to_end(5)
        return sent, head.status, rest.how


@check("heads, endless ones")
def endless_heads(context):
    start = b"GET / HTTP/1.1\r\nHost: a\r\n"
    cases = [
        ("a line of 128 KiB", b"GET /" + b"a" * (128 * KIB), b"a" * KIB, {414}),
        ("a line without end", b"GET /", b"a" * KIB, {414}),
        ("fields without end", start, b"X-Field: value\r\n" * 64, {431}),
        ("a field without end", start + b"X: ", b"a" * KIB, {431}),
        ("a name without end", start, b"a" * KIB, {431}),
        ("empty lines without end", b"", b"\r\n" * 512, {400}),
        ("2,000 short fields", start + b"".join(b"X%d: y\r\n" % number for number in range(2000)), b"", {431}),
        ("5,000 fields of one name", start + b"Cookie: a\r\n" * 5000, b"", {431}),
    ]
    with Aloft.echo(context.aloft) as server, Watched(context, server) as watched:
        most = 0
        for what, beginning, piece, statuses in cases:
            if piece:
                sent, status, how = bytes_until_answer(server.port, piece, beginning if len(beginning) < KIB else b"")
                most = max(most, sent)
                expect(status in statuses, f"{what}: status {status}, not {statuses}")
                expect(how in ("end", "reset"), f"{what}: the connection stays {how}")
            if len(beginning) >= KIB:
                with Peer.connect(server.port) as peer:
                    peer.send(beginning)
                    expect_equal(peer.read_head().status in statuses, True, f"{what}: status")
        context.at_most("bytes sent before the answer", most, 64 * KIB)
        watched.memory_grew_at_most(8)
    return f"{len(cases)} heads: 414, 431, 400"


@check("heads, at their limits")
def heads_at_limits(context):
    """Each limit exactly is a WebSocket, one more is not."""

    def padded(size):
        """A request of exactly so many bytes, in fields that are not too large."""
        data = request(end="")
        left = size - len(data) - 2
        lines = b""
        while left - len(lines) > 4000:
            lines += b"X: " + b"a" * 2995 + b"\r\n"
        return data + lines + b"X: " + b"a" * (left - len(lines) - 5) + b"\r\n\r\n"

    own = 5

    def fields(count):
        return request(raw=[f"X{number}: y" for number in range(count - own)])

    cases = [
        ("16 KiB", padded(16 * KIB), padded(16 * KIB + 1), {431}),
        ("100 fields", fields(100), fields(101), {431}),
        (
            "a field of 8 KiB",
            request(raw=["X:" + "a" * (8 * KIB - 2)]),
            request(raw=["X:" + "a" * (8 * KIB - 1)]),
            {431},
        ),
    ]
    with Aloft.echo(context.aloft) as server, Watched(context, server):
        for what, at_limit, beyond, statuses in cases:
            expect_opened(server, what, at_limit)
            expect_refused(server, what + " and one more", beyond, statuses)
        path = "/" + "a" * (4 * KIB - len("GET / HTTP/1.1"))
        expect_refused(server, "a line of 4 KiB", request(line=f"GET {path} HTTP/1.1"), {404})
        expect_refused(server, "a line of 4 KiB and one", request(line=f"GET {path}a HTTP/1.1"), {414})
    return "16 KiB, 100 fields, 8 KiB a field, 4 KiB a line"


@check("heads, malformed")
def malformed_heads(context):
    good = request()
    cases = [
        ("a field without a colon", request(raw=["X-Field"])),
        ("line folding", request(raw=["X: a", " b"])),
        ("line folding with a tab", request(raw=["X: a", "\tb"])),
        ("a folded first field", b"GET / HTTP/1.1\r\n Host: a\r\n\r\n"),
        ("a space before the colon", request(raw=["X : a"])),
        ("a tab before the colon", request(raw=["X\t: a"])),
        ("a name without characters", request(raw=[": a"])),
        ("a bare LF behind a field", request(raw=["X: a\nY: b"])),
        ("bare LFs everywhere", good.replace(b"\r\n", b"\n")),
        ("a bare CR in a value", request(raw=["X: a\rY: b"])),
        ("a NUL in a value", request(raw=["X: a\0b"])),
        ("a NUL in a name", request(raw=["X\0Y: b"])),
        ("a NUL in the target", request(line="GET /\0 HTTP/1.1")),
        ("DEL in a value", request(raw=["X: a\x7f"])),
        ("an escape in a value", request(raw=["X: \x1b[2J"])),
        ("two Host", request(raw=["Host: b"])),
        ("no Host", request({"Host": None})),
        ("two Sec-WebSocket-Key", request(raw=[f"Sec-WebSocket-Key: {KEY}"])),
        ("two Sec-WebSocket-Version", request(raw=["Sec-WebSocket-Version: 13"])),
        ("two Origin", request(raw=["Origin: http://a", "Origin: http://b"])),
        ("no target", request(line="GET  HTTP/1.1")),
        ("a tab for a space", request(line="GET\t/\tHTTP/1.1")),
        ("no version", request(line="GET /")),
        ("a version with a plus", request(line="GET / HTTP/1.+1")),
        ("HTTP/1.11", request(line="GET / HTTP/1.11")),
        ("HTTP in small letters", request(line="GET / http/1.1")),
        ("three spaces", request(line="GET / a HTTP/1.1")),
        ("a fragment", request(line="GET /#a HTTP/1.1")),
        ("a target without a slash", request(line="GET echo HTTP/1.1")),
        ("bytes that are not ASCII in the target", request(line="GET /\xe9 HTTP/1.1")),
        ("noise", b"\x00\x01\x02\x03" * 8),
        ("TLS", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\0" * 32),
        ("SOCKS", b"\x05\x01\x00\r\n\r\n"),
        *[
            (f"the Host {host!r}", request({"Host": host}))
            for host in (
                "a b",
                "a/b",
                "a@b",
                "a:b",
                "a:65536",
                "a:-1",
                "[::1",
                "::1",
                "a,b",
                "a%",
                "http://a",
                "a\\b",
                "a:80:80",
                "[]",
                "{a}",
                "\"a\"",
                "a?b",
                "a#b",
                ":",
                ":80",
            )
        ],
    ]
    # HTTP/2 with prior knowledge is another protocol, which its version says.
    other = [
        ("the preface of HTTP/2", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
        ("HTTP/2.0", request(line="GET / HTTP/2.0")),
        ("HTTP/9.9", request(line="GET / HTTP/9.9")),
    ]
    with Aloft.echo(context.aloft) as server, Watched(context, server):
        for what, data in cases:
            expect_refused(server, what, data, {400})
        for what, data in other:
            expect_refused(server, what, data, {400, 505})
    return f"{len(cases) + len(other)} refused"


@check("handshakes, right and wrong")
def handshakes(context):
    refused = [
        ("HTTP/1.0", request(line="GET / HTTP/1.0"), {400}),
        ("POST", request(line="POST / HTTP/1.1"), {400}),
        ("OPTIONS", request(line="OPTIONS / HTTP/1.1"), {400}),
        ("get", request(line="get / HTTP/1.1"), {400}),
        ("CONNECT", request(line="CONNECT / HTTP/1.1"), {400}),
        ("HEAD", request(line="HEAD / HTTP/1.1"), {400}),
        (
            "Upgrade: h2c",
            request(
                {"Upgrade": "h2c", "Connection": "Upgrade, HTTP2-Settings"},
                raw=["HTTP2-Settings: AAMAAABkAAQCAAAAAAIAAAAA"],
            ),
            {400, 426},
        ),
        ("Upgrade: websockets", request({"Upgrade": "websockets"}), {400, 426}),
        ("no Upgrade", request({"Upgrade": None}), {400, 426}),
        ("no Connection", request({"Connection": None}), {400}),
        ("Connection: close", request({"Connection": "close"}), {400}),
        ("Connection: Upgraded", request({"Connection": "Upgraded"}), {400}),
        ("no key", request({"Sec-WebSocket-Key": None}), {400}),
        ("an empty key", request({"Sec-WebSocket-Key": ""}), {400}),
        ("a key of 15 bytes", request({"Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAA"}), {400}),
        ("a key of 17 bytes", request({"Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAAAAA="}), {400}),
        ("a key of 24 bytes", request({"Sec-WebSocket-Key": "A" * 32}), {400}),
        ("a key of 8,000", request({"Sec-WebSocket-Key": "A" * 8000}), {400}),
        ("a key that is not base64", request({"Sec-WebSocket-Key": "!HhlIHNhbXBsZSBub25jZQ=="}), {400}),
        ("a key in base64url", request({"Sec-WebSocket-Key": "-HhlIHNhbXBsZSBub25jZQ=="}), {400}),
        ("a key without padding", request({"Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ"}), {400}),
        ("version 8", request({"Sec-WebSocket-Version": "8"}), {426}),
        ("version 14", request({"Sec-WebSocket-Version": "14"}), {426}),
        ("version 013", request({"Sec-WebSocket-Version": "013"}), {426}),
        ("version 13, 8", request({"Sec-WebSocket-Version": "13, 8"}), {426}),
        ("no version", request({"Sec-WebSocket-Version": None}), {400, 426}),
        ("a subprotocol twice", request({"Sec-WebSocket-Protocol": "a, a"}), {400}),
        ("a subprotocol with a slash", request({"Sec-WebSocket-Protocol": "a/b"}), {400}),
        ("a quoted extension", request({"Sec-WebSocket-Extensions": "\"a\""}), {400}),
    ]
    opened = [
        ("Connection: keep-alive, Upgrade", request({"Connection": "keep-alive, Upgrade"})),
        ("two Upgrade tokens", request({"Upgrade": "h2c, websocket"})),
        ("two Upgrade lines", request({"Upgrade": "h2c"}, raw=["Upgrade: websocket"])),
        ("any case", request({"Upgrade": "WebSocket", "Connection": "UPGRADE"})),
        ("an empty line first", b"\r\n" + request()),
        ("Content-Length: 0", request({"Content-Length": "0"})),
        # CVE of 2017: names that are properties of every object elsewhere.
        *[
            (f"the extension {name}", request({"Sec-WebSocket-Extensions": name}))
            for name in ("constructor", "__proto__", "toString; valueOf", "hasOwnProperty; prototype=constructor")
        ],
        ("a thousand extensions", request({"Sec-WebSocket-Extensions": ", ".join(["a"] * 1000)})),
        ("an absolute target", request(line="GET http://127.0.0.1/ HTTP/1.1")),
    ]
    with Aloft.echo(context.aloft, "--deflate") as server, Watched(context, server):
        for what, data, statuses in refused:
            head = expect_refused(server, what, data, statuses)
            if head.status == 426:
                expect_equal(head.fields.get("sec-websocket-version"), "13", f"{what}: Sec-WebSocket-Version")
        for what, data in opened:
            head = expect_opened(server, what, data)
            expect("sec-websocket-extensions" not in head.fields, f"{what}: agreed to {head.fields}")
    return f"{len(refused)} refused, {len(opened)} opened"


@check("smuggling behind an upgrade")
def smuggling(context):
    chunked = "Transfer-Encoding: chunked"
    smuggled = b"GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n"
    refused = [
        ("a body", request(raw=["Content-Length: 36"]) + smuggled, {400}),
        ("a chunked body", request(raw=[chunked]) + b"0\r\n\r\n" + smuggled, {400}),
        ("both lengths", request(raw=["Content-Length: 5", chunked]) + b"0\r\n\r\n" + smuggled, {400}),
        ("two lengths", request(raw=["Content-Length: 0", "Content-Length: 36"]) + smuggled, {400}),
        ("two equal lengths", request(raw=["Content-Length: 36", "Content-Length: 36"]) + smuggled, {400}),
        ("a list of lengths", request(raw=["Content-Length: 0, 36"]) + smuggled, {400}),
        ("a length with a plus", request(raw=["Content-Length: +0"]) + smuggled, {400}),
        ("a length below zero", request(raw=["Content-Length: -1"]) + smuggled, {400}),
        ("a length in hexadecimal", request(raw=["Content-Length: 0x0"]) + smuggled, {400}),
        ("a length beyond 64 bits", request(raw=["Content-Length: 18446744073709551616"]) + smuggled, {400}),
        ("a coding nobody knows", request(raw=["Transfer-Encoding: xchunked"]) + smuggled, {400}),
        ("a bad version", request({"Sec-WebSocket-Version": "12"}) + smuggled, {426}),
    ]
    with Aloft.echo(context.aloft) as server, Watched(context, server):
        for what, data, statuses in refused:
            expect_refused(server, what, data, statuses)
        # A second request is bytes of frames: G is a reserved opcode with reserved bits.
        for data in (smuggled, request(), smuggled * 50):
            with Peer.connect(server.port) as peer:
                peer.send(request() + data)
                expect_equal(peer.read_head().status, 101, "status of an upgrade with a request behind it")
                rest = peer.read_frames_to_end(5)
                expect_equal(rest.codes, [1002], "close codes for a request behind an upgrade")
                expect(not ANSWER.search(rest.data), f"a second answer: {rest.data!r}")
                expect_equal(rest.how, "end", "how it ended")
    return f"{len(refused)} without a 101, 3 failed with 1002"


@check("early frames, and nothing before the 101")
def early_frames(context):
    """Frames that come with the request, before it or cut at each byte are answered behind the 101, all of them."""
    messages = [frame(TEXT, b"early"), frame(PING, b"p"), frame(BINARY, b"x" * 300), frame(PING, b"q" * 125)]
    wanted = [(TEXT, b"early"), (PONG, b"p"), (BINARY, b"x" * 300), (PONG, b"q" * 125)]
    stream = request() + b"".join(messages)
    with Aloft.echo(context.aloft) as server, Watched(context, server):
        cuts = [0, 1, *range(len(request()) - 6, len(stream), 3)]
        for cut in cuts:
            with Peer.connect(server.port) as peer:
                peer.send(stream[:cut])
                if cut:
                    time.sleep(0.002)
                peer.send(stream[cut:])
                first = peer.read(12)
                expect_equal(first, b"HTTP/1.1 101", f"the first bytes, cut at {cut}")
                peer.read_head()
                answers = [peer.read_frame() for _ in wanted]
                expect_equal([(answer.opcode, answer.payload) for answer in answers], wanted, f"cut at {cut}")
                peer.send(frame(CLOSE))
                expect_equal(peer.read_frame().opcode, CLOSE, "the answer to a Close frame")
    return f"{len(cuts)} ways to cut it"


@check("heads, a byte at a time", seconds=90)
def bytewise_heads(context):
    """CVE-2023-43669: a parser that begins anew with each packet takes minutes."""
    with Aloft.echo(context.aloft) as server, Watched(context, server):
        # 16,000 bytes in 98 fields, each byte a segment of its own: what the server does with them is what counts.
        data = request(raw=[f"X-Field-{number:03}: " + "a" * 150 for number in range(90)])
        process = Watch(server.pid)
        before = process.processor_seconds
        with Peer.connect(server.port) as peer:
            for byte in data:
                peer.socket.send(bytes([byte]))
            expect_equal(peer.read_head().status, 101, "status")
            peer.echo()
        spent = process.processor_seconds - before
        context.at_most(f"processor time for {len(data)} segments of a byte", spent, 1, "s")


@check("extension headers that take regular expressions minutes")
def extension_headers(context):
    """CVE-2020-7662 and -7663, CVE-2021-32640: time that is linear in the header."""
    size = 8000
    values = [
        'x="' + "\\c" * (size // 2),
        'a; b="' + "\\\\" * (size // 2),
        "a" + ";" * size,
        "a;" + " " * size + "b",
        'a; b="' + "c" * size,
        "," * size,
        " ," * (size // 2),
        "a;a=" * (size // 4),
        "permessage-deflate;" * 420,
        "permessage-deflate; server_max_window_bits=" + "1" * size,
        '"' * size,
        "a" + "\t" * size + "a",
    ]
    names = ["Sec-WebSocket-Extensions", "Sec-WebSocket-Protocol", "Upgrade", "Connection", "Origin", "Cookie"]

    def seconds(server, name, value):
        """The least of some tries: what it takes when nobody disturbs."""
        best = 60.0
        for _ in range(4):
            with Peer.connect(server.port) as peer:
                data = request(raw=[f"{name}: {value}"])
                began = time.monotonic()
                peer.send(data)
                peer.read_head()
                best = min(best, time.monotonic() - began)
        return best

    with Aloft.echo(context.aloft, "--deflate") as server, Watched(context, server):
        slowest = max(seconds(server, name, value) for name in names for value in values)
        context.at_most(f"slowest answer of {len(names) * len(values)} heads", slowest * 1e3, 20, "ms")


@check("pipelined requests, answers not read")
def pipelined_requests(context):
    """One request at a time, whatever the number in the pipe (CVE-2026-100658)."""
    with Aloft.serve(context.aloft) as server, Watched(context, server, path="/echo") as watched:
        plain = b"GET /chat.js HTTP/1.1\r\nHost: a\r\n\r\n"
        peers = [Peer.connect(server.port) for _ in range(8)]
        taken = 0
        for peer in peers:
            peer.socket.settimeout(0.5)
            try:
                for _ in range(64):
                    peer.socket.sendall(plain * 1000)
                    taken += 1000
            except OSError:
                pass
        time.sleep(0.5)
        watched.memory_grew_at_most(WORST * len(peers))
        for peer in peers:
            peer.reset()
    return f"{taken} requests sent before TCP said stop"
