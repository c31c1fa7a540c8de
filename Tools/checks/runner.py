"""Runs the checks that were entered in the list: each in a process of its own, with a time limit, some at the same time.

What a check has started ends with it. The result of each is a line, and where something was measured, a row of the table
at the end.
"""

import argparse
import json
import os
import signal
import subprocess
import sys
import threading
import time
import traceback
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import asdict, dataclass, field

import check

PASSED, FAILED, SKIPPED = 0, 1, 77
WORDS = {PASSED: "pass", FAILED: "FAIL", SKIPPED: "skip"}
# Before the result, which is one line: what a check prints by itself stands before it.
MARK = "\x1e"


@dataclass
class Result:
    status: int
    lines: list
    figures: list = field(default_factory=list)
    took: float = 0


def run_inside(name, aloft):
    """One check, in this process. What comes of it goes to standard output as the last line."""
    context = check.Context(aloft)
    lines = []
    try:
        lines = [check.CHECKS[name].function(context) or ""]
        missed = [figure for figure in context.figures if not figure.is_met]
        status = FAILED if missed else PASSED
        lines = [f"missed: {figure.what}" for figure in missed] or lines
    except check.Skipped as reason:
        status, lines = SKIPPED, [str(reason)]
    except check.Failed as failure:
        status, lines = FAILED, str(failure).splitlines()
    except Exception:
        status, lines = FAILED, traceback.format_exc().splitlines()
    finally:
        context.remove()
    figures = [asdict(figure) for figure in context.figures]
    print(MARK + json.dumps({"status": status, "lines": lines, "figures": figures}), flush=True)
    return status


def run(script, name, aloft):
    """One check, in a process group of its own."""
    began = time.monotonic()
    seconds = check.CHECKS[name].seconds
    child = subprocess.Popen([sys.executable, script, "--aloft", aloft, "--inside", name], stdin=subprocess.DEVNULL,
                             stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace",
                             start_new_session=True)
    try:
        output, _ = child.communicate(timeout=seconds)
        said, mark, outcome = output.rpartition(MARK)
        if mark:
            outcome = json.loads(outcome)
            figures = [check.Figure(**figure) for figure in outcome["figures"]]
            result = Result(outcome["status"], [*said.splitlines(), *outcome["lines"]], figures)
        else:
            result = Result(FAILED, [*output.splitlines(), f"ended with status {child.returncode}"])
    except subprocess.TimeoutExpired:
        os.killpg(child.pid, signal.SIGKILL)
        output, _ = child.communicate()
        result = Result(FAILED, [*output.splitlines(), f"not done after {seconds} s"])
    finally:
        try:
            os.killpg(child.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
    result.took = time.monotonic() - began
    return result


def number(value):
    """Three digits that count."""
    if value == int(value):
        return f"{int(value):,}"
    return f"{value:.2f}" if value < 10 else f"{value:.1f}" if value < 100 else f"{value:,.0f}"


def table(results):
    """What was measured, beside its limit."""
    rows = [("check", "measured", "seen", "limit", "")]
    for name, result in results.items():
        for figure in result.figures:
            unit = f" {figure.unit}" if figure.unit else ""
            rows.append((name, figure.what, number(figure.seen) + unit, number(figure.limit) + unit,
                         "" if figure.is_met else "MISSED"))
            name = ""
    widths = [max(len(row[column]) for row in rows) for column in range(5)]
    for row in rows:
        cells = [cell.rjust(width) if column in (2, 3) else cell.ljust(width)
                 for column, (cell, width) in enumerate(zip(row, widths))]
        yield "  ".join(cells).rstrip()


class Progress:
    """Counts and prints results as they come."""

    def __init__(self, names):
        self._width = max(map(len, names))
        self._count = len(names)
        self._lock = threading.Lock()
        self.results = {}

    def add(self, name, result):
        with self._lock:
            self.results[name] = result
            remark = result.lines[-1] if result.lines and result.status != FAILED else ""
            digits = len(str(self._count))
            place = f"{len(self.results):{digits}}/{self._count}"
            print(f"{place}  {WORDS[result.status]}  {name:{self._width}}  {result.took:5.1f} s  {remark}".rstrip(),
                  flush=True)
            if result.status == FAILED:
                print("\n".join(f"      {line}" for line in result.lines[-25:]), flush=True)


def main(description, script, *, jobs=1):
    """Reads the options, runs what they ask for, and returns the exit status.

    `jobs` checks run at the same time unless an option says otherwise, and then those that are alone, one by one.
    """
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--aloft", default=".build-release/release/aloft", help="the executable (default: %(default)s)")
    parser.add_argument("--transport", choices=["automatic", "linux", "portable"], default="automatic",
                        help="what drives our sockets (default: %(default)s)")
    parser.add_argument("--only", action="append", default=[], metavar="WORDS",
                        help="only checks whose name has all of these words; may be repeated")
    parser.add_argument("--jobs", type=int, default=jobs, metavar="N",
                        help="checks at the same time, but for those that measure (default: %(default)s)")
    parser.add_argument("--list", action="store_true", help="print the names of the checks and end")
    parser.add_argument("--inside", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.inside:
        return run_inside(options.inside, options.aloft)
    os.environ["CHECK_TRANSPORT"] = options.transport

    def is_wanted(name):
        return not options.only or any(all(word in name for word in words.split()) for words in options.only)

    names = [name for name in check.CHECKS if is_wanted(name)]
    if options.list:
        print("\n".join(names))
        return 0
    if not names:
        parser.error("no check has such a name: see --list")
    if options.jobs < 1:
        parser.error("--jobs must be at least 1")
    aloft = os.path.abspath(options.aloft)
    if not os.access(aloft, os.X_OK):
        parser.error(f"no executable {aloft}: run `make release`")

    progress = Progress(names)
    began = time.monotonic()
    together = [name for name in names if options.jobs > 1 and not check.CHECKS[name].is_alone]
    with ThreadPoolExecutor(options.jobs) as pool:
        # Those that take longest begin first: they wait for time limits to pass.
        order = sorted(together, key=lambda name: -check.CHECKS[name].seconds)
        running = {pool.submit(run, script, name, aloft): name for name in order}
        for done in as_completed(running):
            progress.add(running[done], done.result())
    for name in names:
        if name not in together:
            progress.add(name, run(script, name, aloft))

    results = {name: progress.results[name] for name in names}
    if any(result.figures for result in results.values()):
        print("\n" + "\n".join(table(results)))
    counts = {status: sum(result.status == status for result in results.values()) for status in WORDS}
    print(f"\n{counts[PASSED]} passed, {counts[FAILED]} failed, {counts[SKIPPED]} skipped "
          f"in {time.monotonic() - began:.0f} s")
    return 1 if counts[FAILED] else 0
