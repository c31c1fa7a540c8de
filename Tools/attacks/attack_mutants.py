"""Thousands of inputs with seeded mistakes, at the server and at the client: everybody else goes on."""

import time

from attack_deflate import RSV1, deflated
from check import check, expect
from hostile import HostileServer, run_client
from process import Aloft
from watch import Watched
from wire import BINARY, CONTINUATION, PING, PONG, TEXT, Peer, close_frame, frame, mutated, request, response, seeded

SEED = 20_261_121
DEFLATE = {"Sec-WebSocket-Extensions": "permessage-deflate; client_max_window_bits; server_max_window_bits=12"}


def requests():
    return [
        request(),
        request(DEFLATE),
        request({"Origin": "http://a.example", "Sec-WebSocket-Protocol": "a, b.c"}),
        request({"Host": "[::1]:8080"}),
        request(line="GET http://a.example:80/x?y HTTP/1.1"),
        request(raw=[f"X-{number}: {'a' * number}" for number in range(60)]),
        b"GET /chat.css HTTP/1.1\r\nHost: a\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\nhello",
        b"GET / HTTP/1.1\r\nHost: a\r\n\r\n" * 3 + request(),
    ]


def streams(mask):
    """Frames as one end sends them: `mask` is a server's None, or a client's key."""

    def made(*arguments, **options):
        return frame(*arguments, mask=mask, **options)

    text = "Grüße, 漢字 🪁".encode()
    return [
        made(TEXT, text) + made(BINARY, bytes(range(256))),
        made(TEXT, text[:4], final=False) + made(PING, b"p") + made(CONTINUATION, text[4:]),
        made(BINARY, bytes(70_000)) + made(PING, bytes(125)),
        made(TEXT, deflated(text * 20), bits=RSV1) + made(TEXT, deflated(text * 20), bits=RSV1),
        made(BINARY, deflated(bytes(20_000))[:9], final=False, bits=RSV1)
        + made(CONTINUATION, deflated(bytes(20_000))[9:]),
        made(PONG, bytes(8)) + made(TEXT) + close_frame(1000, b"bye", mask=mask),
        made(TEXT, b"a") * 60 + close_frame(3000, text, mask=mask),
        b"".join(made(BINARY, b"x" * size) for size in (0, 1, 125, 126, 127, 65535, 65536)),
    ]


@check("20,000 mutants at the server", seconds=200)
def at_the_server(context):
    """Half of them are requests, half are frames behind a good handshake; each ends with the end of its stream."""
    count = 20_000
    mask = b"\x01\x80\xff\x42"
    heads, frames = requests(), streams(mask)
    randomness = seeded(SEED, "server")
    with Aloft.serve(context.aloft) as chat, Aloft.echo(context.aloft, "--deflate") as echo, Watched(
        context, chat, path="/echo"
    ) as chatted, Watched(context, echo) as watched:
        waiting = []
        for number in range(count):
            server = (echo, echo, chat)[number % 3]
            try:
                peer = Peer.connect(server.port, source=f"127.0.0.{2 + number % 64}")
                if number % 2:
                    changes = DEFLATE if number % 4 == 1 else {}
                    head = request(changes, line=f"GET {'/echo' if server is chat else '/'} HTTP/1.1")
                    peer.send(head + mutated(randomness.choice(frames), randomness))
                else:
                    peer.send(mutated(randomness.choice(heads), randomness))
            except OSError:
                expect(server.is_running, f"the server has ended at mutant {number} of seed {SEED}")
                raise
            if number % 8 == 7:
                peer.reset()
                continue
            peer.end_output()
            waiting.append((number, peer))
            if len(waiting) == 100:
                let_go(waiting)
        let_go(waiting)
        for watch in (watched, chatted):
            watch.expect_life()
        # Some of them are messages of 64 KiB; all of them together are nothing that stays.
        watched.memory_grew_at_most(16, "resident memory of the echo server grew by")
        chatted.memory_grew_at_most(16, "resident memory of the chat grew by")
    return f"seed {SEED}"


def let_go(waiting):
    """All of them are let go of by the server."""
    for number, peer in waiting:
        rest = peer.read_to_end(10)
        expect(rest.how != "open", f"mutant {number} of seed {SEED} is kept")
        peer.close()
    waiting.clear()


@check("10,000 mutants at the client", seconds=200)
def at_the_client(context):
    """A server that answers with mistakes, half of them behind a good 101: each connection ends, and the client goes on."""
    count = 10_000
    frames = streams(None)
    heads = [
        {},
        {"Sec-WebSocket-Extensions": "permessage-deflate; server_max_window_bits=10"},
        {"X-Field": "a" * 500},
        {"Set-Cookie": "a=b; Path=/"},
    ]
    refusals = [
        b"HTTP/1.1 403 Forbidden\r\nContent-Length: 6\r\n\r\nno way",
        b"HTTP/1.1 503 Unavailable\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
        b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 302 Found\r\nLocation: ws://a/\r\n\r\n",
    ]

    def scenario(victim):
        randomness = seeded(SEED, victim.number)
        if victim.number % 2:
            head = (
                randomness.choice(heads[:2])
                if victim.offers("permessage-deflate")
                else heads[victim.number % 4 // 2 * 2]
            )
            victim.upgrade(head, behind=mutated(randomness.choice(frames), randomness))
        else:
            victim.read_request()
            good = [response(victim.key, changes) + frame(TEXT, b"a", mask=None) for changes in heads]
            victim.send(mutated(randomness.choice(good + refusals), randomness))
        victim.end_output()
        victim.read_to_end(10)

    with HostileServer(scenario) as server:
        half = run_client(
            context, server.url, "--connections", str(count // 2), "--at-once", "16", "--deflate", seconds=90
        )
        other = run_client(context, server.url, "--connections", str(count // 2), "--at-once", "16", seconds=90)
    lines = half.lines + other.lines
    expect(len(lines) == count, f"{len(lines)} of {count} connections were told of; the last is {lines[-1:]}")
    opened = sum(not line.startswith("not opened") for line in lines)
    expect(count / 4 < opened < count, f"{opened} of {count} were opened: the mistakes are not where they should be")
    context.at_most("resident memory of the client", max(half.resident, other.resident) / (1 << 20), 64, "MiB")
    return f"{opened:,} opened; seed {SEED}"


@check("slow mutants", seconds=90)
def slow_mutants(context):
    """The same, cut into segments at random places: what a parser keeps between them."""
    randomness = seeded(SEED, "segments")
    with Aloft.echo(context.aloft, "--deflate") as server, Watched(context, server) as watched:
        for number in range(600):
            data = request(DEFLATE) + mutated(randomness.choice(streams(b"\x01\x80\xff\x42")), randomness)
            with Peer.connect(server.port) as peer:
                cuts = sorted(randomness.randrange(len(data)) for _ in range(8))
                for start, end in zip([0] + cuts, cuts + [len(data)]):
                    if not peer.send(data[start:end]):
                        break
                    time.sleep(0.0005)
                peer.end_output()
                expect(peer.read_to_end(10).how != "open", f"mutant {number} of seed {SEED} is kept")
        watched.memory_grew_at_most(8)
