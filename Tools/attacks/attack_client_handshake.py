"""Servers that answer our client's request with something else than a WebSocket."""

import socket
import ssl
import time
from concurrent.futures import ThreadPoolExecutor

import certificates
from check import check, expect, expect_equal
from hostile import HostileServer, meet, quiet_resident, run_client
from wire import TEXT, frame, response

MIB = 1 << 20
# Limits of the library, and what a busy machine may add.
HANDSHAKE_SECONDS = 10
REFUSAL_SECONDS = 2
TOLERANCE = 1.5
NOT_OPENED = "not opened: "


def expect_refused(context, what, scenario, words, *options, most=5, tls=None):
    """The client does not open it, says one of `words`, and does not take long."""
    outcome, server = meet(context, scenario, *options, tls=tls)
    expect(outcome.line.startswith(NOT_OPENED), f"{what}: {outcome.line!r}")
    expect(any(word in outcome.line for word in words), f"{what}: {outcome.line!r} names none of {words}")
    expect(outcome.seconds < most, f"{what}: it took {outcome.seconds:.1f} s")
    expect_equal(server.connections, 1, f"{what}: connections")
    return outcome


def answer(data, then=None):
    """A scenario: reads the request, says `data`, and waits until the client has gone."""

    def scenario(victim):
        victim.read_request()
        victim.send(data(victim.key) if callable(data) else data)
        if then:
            then(victim)
        victim.read_to_end(20)

    return scenario


@check("client: answers that are wrong")
def wrong_answers(context):
    def made(changes=None, **options):
        return answer(lambda key: response(key, changes, **options))

    cases = [
        ("200 with all fields of a 101", made(line="HTTP/1.1 200 OK"), ["200"]),
        ("101 of HTTP/1.0", made(line="HTTP/1.0 101 Switching Protocols"), ["HTTP/1.0"]),
        ("101 of HTTP/2.0", made(line="HTTP/2.0 101 Switching Protocols"), ["HTTP/2.0", "HTTP/1.1"]),
        ("no Upgrade", made({"Upgrade": None}), ["Upgrade"]),
        ("Upgrade: h2c", made({"Upgrade": "h2c"}), ["Upgrade"]),
        ("two Upgrades", made({"Upgrade": "websocket, h2c"}), ["Upgrade"]),
        ("no Connection", made({"Connection": None}), ["Connection"]),
        ("Connection: close", made({"Connection": "close"}), ["Connection"]),
        ("no Accept", made({"Sec-WebSocket-Accept": None}), ["Accept"]),
        ("a wrong Accept", made({"Sec-WebSocket-Accept": "AAAAAAAAAAAAAAAAAAAAAAAAAAA="}), ["Accept"]),
        ("an Accept in other letters", answer(lambda key: response(key).swapcase()), ["Accept", "first line"]),
        ("the key as Accept", answer(lambda key: response(key, {"Sec-WebSocket-Accept": key})), ["Accept"]),
        ("two Accepts", answer(lambda key: response(key, raw=["Sec-WebSocket-Accept: a"])), ["Accept"]),
        ("an unrequested subprotocol", made({"Sec-WebSocket-Protocol": "chat"}), ["chat"]),
        ("an unrequested extension", made({"Sec-WebSocket-Extensions": "permessage-deflate"}), ["permessage-deflate"]),
        ("an extension that is a property", made({"Sec-WebSocket-Extensions": "constructor"}), ["constructor"]),
        ("bare LFs", answer(lambda key: response(key).replace(b"\r\n", b"\n")), ["LF"]),
        ("a bare LF", made(raw=["X: a\nY: b"]), ["LF"]),
        ("a bare CR", made(raw=["X: a\rY: b"]), ["CR"]),
        ("a NUL", made(raw=["X: a\0b"]), ["0x00"]),
        ("line folding", made(raw=["X: a", " b"]), ["whitespace"]),
        ("a space before the colon", made(raw=["X : a"]), ["name of a header field"]),
        ("no colon", made(raw=["X"]), ["colon"]),
        ("a status of four digits", made(line="HTTP/1.1 1010 Switching"), ["first line"]),
        ("a status of two digits", made(line="HTTP/1.1 10 Switching"), ["first line"]),
        ("another protocol", answer(b"SSH-2.0-OpenSSH_9.2\r\n"), ["first line"]),
        ("nothing but an end", lambda victim: victim.read_request(), ["closed the connection"]),
        ("noise", answer(bytes(range(256))), ["first line"]),
        ("frames instead of an answer", answer(frame(TEXT, b"a", mask=None) * 100), ["first line"]),
    ]
    for what, scenario, words in cases:
        expect_refused(context, what, scenario, words)
    windows = ["7", "16", "0", "015", "", "\"\"", "4294967305", "-9", "9.0"]
    for value in windows:
        for name in ("server_max_window_bits", "client_max_window_bits"):
            extension = f"permessage-deflate; {name}={value}"
            expect_refused(
                context,
                extension,
                made({"Sec-WebSocket-Extensions": extension}),
                ["max_window_bits", "grammar"],
                "--deflate",
            )
    other = [
        "permessage-deflate; server_max_window_bits",
        "permessage-deflate; unknown",
        "permessage-deflate, permessage-deflate",
        "permessage-deflate; server_no_context_takeover; server_no_context_takeover",
        "permessage-deflate; a=\"\\c\\c",
        "permessage-deflate; server_no_context_takeover=1",
    ]
    for extension in other:
        expect_refused(
            context,
            extension,
            made({"Sec-WebSocket-Extensions": extension}),
            ["permessage-deflate", "grammar"],
            "--deflate",
        )
    return f"{len(cases) + 2 * len(windows) + len(other)} refused"


@check("client: heads without end")
def endless_heads(context):
    quiet = quiet_resident(context)
    taken = 0

    def endless(beginning, piece):
        def then(victim):
            nonlocal taken
            taken = max(taken, len(beginning) + victim.pour(piece))

        return answer(beginning, then)

    status = b"HTTP/1.1 101 Switching Protocols\r\n"
    cases = [
        ("fields without end", endless(status, b"X-Field: value\r\n" * 64), ["maxHeadBytes", "maxFields"]),
        ("a field without end", endless(status + b"X: ", b"a" * 1024), ["maxFieldBytes"]),
        ("a reason without end", endless(b"HTTP/1.1 101 ", b"a" * 1024), ["maxStartLineBytes"]),
        ("2,000 fields", answer(status + b"X: y\r\n" * 2000), ["maxFields", "maxHeadBytes"]),
        ("interim answers without end", endless(b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 40), ["maxHeadBytes"]),
        (
            "interim answers with fields",
            endless(b"", b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" * 40),
            ["maxHeadBytes"],
        ),
        ("empty lines without end", endless(b"", b"\r\n" * 512), ["first line", "maxHeadBytes"]),
    ]
    resident = 0
    for what, scenario, words in cases:
        resident = max(resident, expect_refused(context, what, scenario, words).resident)
    context.at_most("resident memory grew by", max(0, resident - quiet) / MIB, 8, "MiB")
    # The buffers of the system take more than the client does.
    return f"at most {taken / MIB:.1f} MiB left the server"


@check("client: refusals with bodies without end")
def endless_bodies(context):
    quiet = quiet_resident(context)

    def body(head, piece):
        return answer(head, lambda victim: victim.pour(piece, 10))

    # At most 64 KiB are kept; who sends more slowly has two seconds.
    cases = [
        ("a length of 1 TiB", body(b"HTTP/1.1 403 No\r\nContent-Length: 1099511627776\r\n\r\n", b"a" * 65536)),
        ("the largest length", body(b"HTTP/1.1 403 No\r\nContent-Length: 9223372036854775807\r\n\r\n", b"a" * 65536)),
        (
            "a chunk of 2^64",
            body(b"HTTP/1.1 403 No\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\n", b"a" * 65536),
        ),
        (
            "a chunk of 2^70",
            body(b"HTTP/1.1 403 No\r\nTransfer-Encoding: chunked\r\n\r\n" + b"f" * 18 + b"\r\n", b"a" * 65536),
        ),
        ("chunks of a byte", body(b"HTTP/1.1 403 No\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\na\r\n" * 10_000)),
        ("a chunk size without end", body(b"HTTP/1.1 403 No\r\nTransfer-Encoding: chunked\r\n\r\n", b"0" * 65536)),
        (
            "a chunk extension without end",
            body(b"HTTP/1.1 403 No\r\nTransfer-Encoding: chunked\r\n\r\n1;", b"a" * 65536),
        ),
        ("no length", body(b"HTTP/1.1 403 No\r\n\r\n", b"a" * 65536)),
        ("a page instead of a WebSocket", body(b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n", b"<p>" * 20_000)),
        ("a body that never comes", answer(b"HTTP/1.1 403 No\r\nContent-Length: 10\r\n\r\n")),
        (
            "a body that trickles",
            answer(b"HTTP/1.1 403 No\r\nContent-Length: 1000\r\n\r\n", lambda victim: victim.trickle(b"a" * 1000)),
        ),
    ]
    resident, slowest = 0, 0.0
    for what, scenario in cases:
        outcome = expect_refused(context, what, scenario, ["refused the connection"])
        resident, slowest = max(resident, outcome.resident), max(slowest, outcome.seconds)
    context.at_most("given up after", slowest, REFUSAL_SECONDS + TOLERANCE, "s")
    context.at_most("resident memory grew by", max(0, resident - quiet) / MIB, 8, "MiB")


@check("client: redirects and challenges are not followed")
def redirects(context):
    visits = []

    def elsewhere(victim):
        visits.append(victim.number)

    with HostileServer(elsewhere) as trap:
        for status in ("301 Moved", "302 Found", "303 See Other", "307 Temporary", "308 Permanent"):
            head = f"HTTP/1.1 {status}\r\nLocation: {trap.url}\r\nContent-Length: 0\r\n\r\n".encode()
            expect_refused(context, status, answer(head), [status[:3]])
        for status, field in (
            ("401 Unauthorized", "WWW-Authenticate: Basic"),
            ("407 Proxy", "Proxy-Authenticate: Basic"),
            ("426 Upgrade", "Upgrade: h2c"),
            ("421 Misdirected", f"Alt-Svc: h2=\":{trap.port}\""),
        ):
            expect_refused(
                context,
                status,
                answer(f"HTTP/1.1 {status}\r\n{field}\r\nContent-Length: 0\r\n\r\n".encode()),
                [status[:3]],
            )
        # Nothing that comes with a refusal is a frame.
        expect_refused(
            context,
            "frames behind a refusal",
            answer(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n" + frame(TEXT, b"a", mask=None)),
            ["200"],
        )
    expect_equal(visits, [], "connections to where it was sent")
    return "10 refusals"


@check("client: answers that are slow")
def slow_answers(context):
    def silent(victim):
        victim.read_to_end(20)

    cases = [
        ("nothing", silent),
        ("a head that trickles", lambda victim: victim.trickle(response("a") * 2)),
        ("interim answers now and then", lambda victim: victim.trickle(b"HTTP/1.1 100 Continue\r\n\r\n" * 40)),
        ("half a head", answer(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: ")),
    ]
    with ThreadPoolExecutor() as pool:
        running = [
            pool.submit(
                expect_refused, context, what, scenario, ["not over after"], most=HANDSHAKE_SECONDS + TOLERANCE + 5
            )
            for what, scenario in cases
        ]
    slowest = max(run.result().seconds for run in running)
    context.at_most("given up after", slowest, HANDSHAKE_SECONDS + TOLERANCE, "s")


@check("client: TLS of others")
def tls(context):
    made = certificates.make(context.directory)
    good = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    good.load_cert_chain(made.certificate, made.key)

    def echo_once(victim):
        victim.upgrade(behind=frame(TEXT, b"hello", mask=None) + b"\x88\x02\x03\xe8")
        victim.read_to_end(5)

    outcome, _ = meet(context, echo_once, "--ca", made.authority, tls=good)
    expect(outcome.line.startswith("closed by the peer 1000"), f"a good certificate: {outcome.line!r}")
    expect_refused(context, "a certificate nobody signed that is trusted", echo_once, ["cannot connect"], tls=good)
    # The certificate is for localhost: another name is another machine.
    with HostileServer(echo_once, tls=good) as server:
        outcome = run_client(context, f"wss://localhost.localdomain.invalid:{server.port}/", "--ca", made.authority)
        expect(outcome.line.startswith(NOT_OPENED), f"another name: {outcome.line!r}")
        outcome = run_client(context, f"wss://127.0.0.2:{server.port}/", "--ca", made.authority)
        expect(outcome.line.startswith(NOT_OPENED), f"another address: {outcome.line!r}")

    def plain(text):
        def scenario(victim):
            victim.send(text)
            victim.read_to_end(15)

        return scenario

    def run_plain(what, scenario, most):
        """The server speaks without TLS, the client does not know."""
        with HostileServer(scenario) as server:
            outcome = run_client(context, f"wss://localhost:{server.port}/", "--ca", made.authority)
        expect(outcome.line.startswith(NOT_OPENED), f"{what}: {outcome.line!r}")
        expect(outcome.seconds < most, f"{what}: it took {outcome.seconds:.1f} s")

    run_plain("HTTP in plain text", plain(b"HTTP/1.1 101 Switching Protocols\r\n\r\n"), 5)
    run_plain("noise", plain(bytes(range(256)) * 64), 5)
    run_plain("an end", lambda victim: None, 5)
    run_plain("a record of nothing", plain(b"\x16\x03\x03\x00\x00" * 2000), 13)
    run_plain("silence", lambda victim: victim.read_to_end(20), HANDSHAKE_SECONDS + TOLERANCE)
    old = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    old.set_ciphers("ALL:@SECLEVEL=0")
    old.load_cert_chain(made.certificate, made.key)
    old.minimum_version = ssl.TLSVersion.TLSv1
    old.maximum_version = ssl.TLSVersion.TLSv1_1
    expect_refused(context, "TLS 1.1", echo_once, ["cannot connect"], "--ca", made.authority, tls=old)
    return "9 refused"


@check("client: a good server whose answer is in pieces")
def pieces(context):
    """What must work: interim answers, any case, a byte at a time, frames in the same segment."""

    def scenario(victim):
        victim.read_request()
        data = (
            b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n"
            + response(victim.key, {"Connection": "keep-alive, upgrade", "Upgrade": "WebSocket"})
            + frame(TEXT, "Grüße".encode(), mask=None)
        )
        for byte in data:
            victim.socket.send(bytes([byte]))
        echoed = victim.read_frame()
        expect_equal(echoed.payload, "Grüße".encode(), "what came back")
        victim.send(b"\x88\x02\x03\xe8")
        victim.read_to_end(5)

    outcome, _ = meet(context, scenario)
    expect_equal(outcome.line, "closed by the peer 1000; messages: 1", "how it ended")


@check("client: nobody there")
def nobody(context):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    outcome = run_client(context, f"ws://127.0.0.1:{port}/", "--connections", "200", "--at-once", "20")
    expect_equal(len(outcome.lines), 200, "connections told of")
    expect(all("refused" in line.lower() for line in outcome.lines), f"told {set(outcome.lines)}")
    # A backlog that is full: nobody answers, and after ten seconds nobody is waited for.
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        crowd = []
        for _ in range(4):
            waiting = socket.socket()
            waiting.setblocking(False)
            waiting.connect_ex(full.getsockname())
            crowd.append(waiting)
        time.sleep(0.2)
        outcome = run_client(context, f"ws://127.0.0.1:{full.getsockname()[1]}/")
        expect(outcome.line.startswith(NOT_OPENED), outcome.line)
        context.at_most("given up after", outcome.seconds, HANDSHAKE_SECONDS + TOLERANCE, "s")
        for waiting in crowd:
            waiting.close()
