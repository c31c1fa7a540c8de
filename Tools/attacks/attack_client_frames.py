"""Servers that open a WebSocket with our client, and then keep no rules."""

import os
import re
import struct
import subprocess
import threading
import time
import zlib
from concurrent.futures import ThreadPoolExecutor

from attack_deflate import RSV1, bomb, deflated
from check import check, expect, expect_equal
from hostile import HostileServer, meet, quiet_resident, run_client
from wire import BINARY, CLOSE, CONTINUATION, PING, PONG, TEXT, close_frame, frame

MIB = 1 << 20
CLOSE_SECONDS = 5
DISCARD_SECONDS = 2
TOLERANCE = 1.5


def sent(*arguments, **options):
    """A frame as a server sends it."""
    return frame(*arguments, mask=None, **options)


def expect_failed(context, what, data, codes, *options, extension=None, seconds=5):
    """The client fails the connection with one of these codes, tells the server, and ends it."""
    told = []

    def scenario(victim):
        victim.upgrade({"Sec-WebSocket-Extensions": extension} if extension else None, behind=data[: 1 << 16])
        victim.send(data[1 << 16 :])
        victim.end_output()
        told.append(victim.read_frames_to_end(10))

    outcome, _ = meet(context, scenario, *options)
    code = re.match(r"failed (\d+): ", outcome.line)
    expect(
        code is not None and int(code.group(1)) in codes, f"{what}: {outcome.line!r}, not failed with one of {codes}"
    )
    expect(outcome.seconds < seconds, f"{what}: it took {outcome.seconds:.1f} s")
    expect(
        told and (told[0].how == "reset" or (len(told[0].codes) == 1 and told[0].codes[0] in codes)),
        f"{what}: the server was told {told[0].codes if told else None}, {told[0].how if told else None}",
    )
    return outcome


@check("client: frames that are wrong")
def wrong_frames(context):
    cases = [
        ("a masked frame", frame(TEXT, b"a"), [1002]),
        ("a masked ping", frame(PING), [1002]),
        ("a masked Close", close_frame(), [1002]),
        ("a masked continuation", sent(TEXT, b"a", final=False) + frame(CONTINUATION, b"b"), [1002]),
        *[(f"reserved bits {bits:#x}", sent(TEXT, b"a", bits=bits), [1002]) for bits in (0x40, 0x20, 0x10, 0x70)],
        *[(f"opcode {opcode}", sent(opcode), [1002]) for opcode in (3, 7, 11, 15)],
        ("a length of 1 TiB", sent(BINARY, length=1 << 40), [1009]),
        ("the top bit", sent(BINARY, length=1 << 63), [1002]),
        ("the largest length", sent(BINARY, length=(1 << 63) - 1), [1009]),
        ("all bits", sent(BINARY, length=(1 << 64) - 1), [1002]),
        ("1 MiB and one", sent(BINARY, length=MIB + 1), [1009]),
        ("an opcode nobody knows, and 1 TiB", sent(3, length=1 << 40), [1002]),
        ("125 in two bytes", b"\x82\x7e\x00\x7d" + bytes(125), [1002]),
        ("65,535 in eight bytes", b"\x82\x7f" + struct.pack(">Q", 65535) + bytes(65535), [1002]),
        ("a ping of 126 bytes", sent(PING, bytes(126)), [1002]),
        ("a ping in two", sent(PING, final=False), [1002]),
        ("a continuation of nothing", sent(CONTINUATION, b"a"), [1002]),
        ("a message inside another", sent(TEXT, b"a", final=False) + sent(TEXT, b"b"), [1002]),
        ("a Close of one byte", sent(CLOSE, b"\x03"), [1002]),
        ("Close 1005", sent(CLOSE, b"\x03\xed"), [1002]),
        ("Close 999", sent(CLOSE, b"\x03\xe7"), [1002]),
        ("a reason that is not UTF-8", sent(CLOSE, b"\x03\xe8\xff"), [1007]),
        ("text that is not UTF-8", sent(TEXT, b"\xed\xa0\x80"), [1007]),
        ("a second answer", b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", [1002]),
        ("100,000 empty fragments", sent(TEXT, final=False) + sent(CONTINUATION, final=False) * 100_000, [1008]),
        (
            "130,000 fragments of a byte",
            sent(TEXT, b"a", final=False) + sent(CONTINUATION, b"a", final=False) * 130_000,
            [1009],
        ),
        (
            "fragments beyond the limit",
            sent(BINARY, bytes(MIB // 2), final=False)
            + sent(CONTINUATION, bytes(MIB // 2), final=False)
            + sent(CONTINUATION, b"a"),
            [1009],
        ),
        ("10,000 pings", sent(PING, bytes(125)) * 10_000, [1008]),
        ("10,000 pongs", sent(PONG, bytes(8)) * 10_000, [1008]),
    ]
    quiet = quiet_resident(context)
    resident = max(expect_failed(context, *case).resident for case in cases)
    context.at_most("resident memory grew by", max(0, resident - quiet) / MIB, 8, "MiB")
    return f"{len(cases)} failed"


@check("client: bombs and other compressed messages")
def compressed(context):
    deflate = "permessage-deflate"
    payload = bomb(256 * MIB)
    unmasked = sent(BINARY, payload, bits=RSV1)
    pieces = (
        sent(BINARY, payload[:1024], final=False, bits=RSV1)
        + b"".join(sent(CONTINUATION, payload[at : at + 1024], final=False) for at in range(1024, len(payload), 1024))
        + sent(CONTINUATION)
    )
    cases = [
        ("a bomb", unmasked, [1009]),
        ("a bomb in pieces", pieces, [1009]),
        ("a bomb as text", sent(TEXT, payload, bits=RSV1), [1009]),
        ("corrupt", sent(BINARY, b"\xff" * 20, bits=RSV1), [1007]),
        ("a block of type 3", sent(BINARY, b"\x07", bits=RSV1), [1007]),
        ("a distance before the beginning", sent(BINARY, b"\x4b\x04\x13\x00", bits=RSV1), [1007]),
        ("a message cut short", sent(BINARY, deflated(bytes(range(256)) * 8)[:100], bits=RSV1), [1007]),
        ("RSV1 on a continuation", sent(TEXT, b"\0", final=False, bits=RSV1) + sent(CONTINUATION, bits=RSV1), [1002]),
        ("RSV1 on a ping", sent(PING, bits=RSV1), [1002]),
        ("RSV2", sent(TEXT, b"\0", bits=0x20), [1002]),
        ("text that is not UTF-8", sent(TEXT, deflated(b"\xff"), bits=RSV1), [1007]),
    ]
    quiet = quiet_resident(context, "--deflate")
    resident = max(expect_failed(context, *case, "--deflate", extension=deflate).resident for case in cases)
    context.at_most("resident memory grew by", max(0, resident - quiet) / MIB, 8, "MiB")
    # A window smaller than what is used (undici's CVE-2026-2229 did not look at it).
    repeated = zlib.compressobj(9, zlib.DEFLATED, -15, 9)
    noise = os.urandom(1000)
    data = repeated.compress(noise + bytes(20_000) + noise) + repeated.flush(zlib.Z_SYNC_FLUSH)
    expect(len(data) < 1300, "the far reference is not one")
    expect_failed(
        context,
        "a distance beyond the agreed window",
        sent(BINARY, data[:-4], bits=RSV1),
        [1007],
        "--deflate",
        extension=f"{deflate}; server_max_window_bits=9",
    )
    return f"{len(cases) + 1} failed"


@check("client: a server that does not read", seconds=90)
def unread(context):
    """What is echoed waits, so nothing more is read; after ten seconds without progress it is given up."""
    quiet = quiet_resident(context)
    taken = 0

    def scenario(victim):
        nonlocal taken
        victim.upgrade()
        victim.socket.settimeout(3)
        try:
            for _ in range(48):
                victim.socket.sendall(sent(BINARY, bytes(MIB)))
                taken += MIB
        except OSError:
            pass
        time.sleep(20)

    outcome, _ = meet(context, scenario)
    expect("does not read" in outcome.line, f"it ended with {outcome.line!r}")
    context.at_most("given up after", outcome.seconds, 10 + 3 + TOLERANCE, "s")
    context.at_most("resident memory grew by", max(0, outcome.resident - quiet) / MIB, 8, "MiB")
    return f"{taken / MIB:.0f} MiB were taken"


@check("client: closings that never end")
def never_ending(context):
    def no_end(victim):
        victim.upgrade(behind=sent(CLOSE, b"\x03\xe8"))
        victim.read_frame()
        # The client waits for the server to end the connection, which it does not.
        victim.read_to_end(20)

    def no_end_but_noise(victim):
        victim.upgrade(behind=sent(CLOSE, b"\x03\xe8"))
        victim.trickle(b"\x81" * 1000, 0.05)

    def no_answer(victim):
        victim.upgrade()
        victim.read_to_end(20)

    def no_answer_but_pings(victim):
        victim.upgrade()
        victim.trickle(b"\x89\x00" * 200, 0.1)

    def no_answer_but_messages(victim):
        victim.upgrade()
        victim.pour(sent(BINARY, bytes(1000)) * 100)

    def violation_and_silence(victim):
        victim.upgrade(behind=sent(3))
        victim.read_to_end(20)
        # The client has ended its side; this one does not.
        time.sleep(8)

    def violation_and_noise(victim):
        victim.upgrade(behind=sent(3))
        victim.pour(bytes(1 << 16))

    def violation_and_trickle(victim):
        victim.upgrade(behind=sent(3))
        victim.trickle(b"a" * 1000, 0.1)

    cases = [
        (no_end, [], CLOSE_SECONDS, "closed by the peer 1000"),
        (no_end_but_noise, [], CLOSE_SECONDS, "closed by the peer 1000"),
        (no_answer, ["--close-after", "0"], CLOSE_SECONDS, "no Close frame"),
        (no_answer_but_pings, ["--close-after", "0"], CLOSE_SECONDS, "no Close frame"),
        (no_answer_but_messages, ["--close-after", "0"], CLOSE_SECONDS, "no Close frame"),
        (violation_and_silence, [], DISCARD_SECONDS, "failed 1002"),
        (violation_and_noise, [], DISCARD_SECONDS, "failed 1002"),
        (violation_and_trickle, [], DISCARD_SECONDS, "failed 1002"),
    ]
    with ThreadPoolExecutor() as pool:
        running = [pool.submit(meet, context, scenario, *options) for scenario, options, _, _ in cases]
    for (scenario, _, limit, words), run in zip(cases, running):
        outcome, _ = run.result()
        name = scenario.__name__.replace("_", " ")
        expect(words in outcome.line, f"{name}: {outcome.line!r}")
        context.at_most(f"{name}: over after", outcome.seconds, limit + TOLERANCE, "s")


@check("client: a message that trickles in", seconds=90)
def trickle(context):
    def scenario(victim):
        victim.upgrade(behind=sent(BINARY, b"a", length=1000))
        victim.trickle(b"a" * 1000, 0.5)

    outcome, _ = meet(context, scenario)
    expect_equal(outcome.line[:12], "failed 1008:", "how it ended")
    # What still trickles in behind the failure is thrown away for its time.
    context.at_most("failed and over after", outcome.seconds, 30 + DISCARD_SECONDS + TOLERANCE, "s")


@check("client: churn, 2,000 connections cut at 6 stages")
def churn(context):
    def scenario(victim):
        stage, by_reset = victim.number % 6, victim.number // 6 % 2
        if stage == 1:
            victim.read_request()
        elif stage == 2:
            victim.read_request()
            victim.send(b"HTTP/1.1 101 Switching")
        elif stage >= 3:
            victim.upgrade()
        if stage == 4:
            victim.send(sent(BINARY, bytes(5000))[:2000])
        elif stage == 5:
            victim.send(sent(BINARY, bytes(5000)) + sent(CLOSE))
        victim.reset() if by_reset else victim.close()

    with HostileServer(scenario) as server:
        outcome = run_client(context, server.url, "--connections", "2000", "--at-once", "50")
    expect_equal(len(outcome.lines), 2000, "connections told of")
    opened = sum(not line.startswith("not opened") for line in outcome.lines)
    expect(600 <= opened <= 1400, f"{opened} were opened")
    context.at_most("resident memory of the client", outcome.resident / MIB, 64, "MiB")
    return f"{opened} were opened"


@check("client: 200,000 empty messages")
def empty_messages(context):
    quiet = quiet_resident(context)
    counted = []

    def scenario(victim):
        victim.upgrade()
        sender = threading.Thread(target=lambda: [victim.send(sent(TEXT) * 10_000) for _ in range(20)], daemon=True)
        sender.start()
        # An empty masked frame has six bytes.
        count = 0
        while count < 6 * 200_000:
            count += len(victim.socket.recv(1 << 16))
        counted.append(count)
        victim.send(sent(CLOSE, b"\x03\xe8"))
        victim.read_to_end(5)

    outcome, _ = meet(context, scenario)
    expect_equal(outcome.line, "closed by the peer 1000; messages: 200000", "how it ended")
    expect_equal(counted, [1_200_000], "bytes that came back")
    context.at_most("resident memory grew by", max(0, outcome.resident - quiet) / MIB, 8, "MiB")


@check("client: aloft bench and aloft echo-client at such servers")
def commands(context):
    """The commands end by themselves, with a status and a line that says what happened."""

    def rubbish(victim):
        victim.upgrade(behind=sent(3))
        victim.read_to_end(5)

    def refusing(victim):
        victim.read_request()
        victim.send(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello")
        victim.read_to_end(5)

    def wrong_echo(victim):
        victim.upgrade()
        while True:
            victim.read_frame()
            victim.send(sent(TEXT, b"something else"))

    def silent(victim):
        victim.upgrade()
        victim.read_to_end(30)

    def gone(victim):
        victim.upgrade()
        victim.reset()

    load = ["-c", "4", "--duration", "1s", "--timeout", "2s", "--fail-on-errors"]
    runs = [
        *[(["echo-client"], [], scenario) for scenario in (rubbish, refusing, wrong_echo, gone)],
        *[(["bench", "echo"], load, scenario) for scenario in (rubbish, refusing, wrong_echo, gone, silent)],
        (["bench", "connect"], load, refusing),
    ]
    for command, options, scenario in runs:
        what = f"{' '.join(command)} at {scenario.__name__}"
        with HostileServer(scenario) as server:
            began = time.monotonic()
            done = subprocess.run(
                [context.aloft, *command, server.url, *options],
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=25,
            )
        said = done.stdout + done.stderr
        expect(done.returncode > 0, f"{what} ended with {done.returncode}: {said[-500:]}")
        expect("Fatal error" not in said and said.strip(), f"{what} said {said[-500:]!r}")
        expect(time.monotonic() - began < 15, f"{what} took long")
    return f"{len(runs)} runs"
