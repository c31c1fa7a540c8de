"""`aloft echo-client`, and what it has to print."""

import re

from check import expect, expect_equal, run_command

COUNT = 60
SUMMARY = re.compile(r"(\d+) messages echoed, deflate: (on|off), subprotocol: (\S+), closed: clean (\d+)")


def expect_echoed(context, url, *, is_compressed, offers, subprotocol=None, authority=None):
    """Runs the client against an echo server that is not ours, and compares what it says with what has to be."""
    command = [context.aloft, "echo-client", url, "--count", str(COUNT)]
    command += ["--deflate"] if offers else []
    command += ["--subprotocol", subprotocol] if subprotocol else []
    command += ["--ca", authority] if authority else []
    status, output = run_command(command)
    expect(status == 0, f"the client ended with {status}: {output}")
    summary = SUMMARY.search(output)
    expect(summary is not None, f"the client printed {output!r}")
    wanted = (str(COUNT), "on" if is_compressed else "off", subprotocol or "none", "1000")
    expect_equal(summary.groups(), wanted, "messages, deflate, subprotocol, close code")
