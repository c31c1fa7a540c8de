"""A message every 5 ms until its standard input ends; then what it measured, as JSON. See GoodClient in watch.py.

usage: good_client.py PORT PATH
"""

import json
import os
import select
import socket
import sys
import time

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "..", "checks")]

from check import Failed  # noqa: E402
from wire import BINARY, Ended, Peer, frame  # noqa: E402

INTERVAL = 0.005


def main():
    port, path = int(sys.argv[1]), sys.argv[2]
    times, errors = [], 0
    peer = Peer.opened_at(port, path)
    print("ready", flush=True)
    due = time.monotonic()
    number = 0
    while not select.select([sys.stdin], [], [], max(0, due - time.monotonic()))[0]:
        # Measured from when it was due: what waits behind something slow is slow itself.
        try:
            peer = peer or Peer.opened_at(port, path)
            payload = number.to_bytes(8, "big") * 8
            peer.send(frame(BINARY, payload))
            answer = peer.read_frame()
            errors += answer.payload != payload
            times.append(time.monotonic() - due)
        except (Ended, Failed, OSError, socket.timeout):
            errors += 1
            peer = None
            time.sleep(0.05)
        number += 1
        due += INTERVAL
        # More than a second behind: what is due then was counted as slow often enough.
        if time.monotonic() - due > 1:
            due = time.monotonic()
    times.sort()

    def quantile(share):
        return times[min(len(times) - 1, int(len(times) * share))] if times else 60.0

    print(
        json.dumps(
            {
                "count": len(times),
                "errors": errors,
                "p50": quantile(0.5),
                "p99": quantile(0.99),
                "max": times[-1] if times else 60.0,
            }
        )
    )


if __name__ == "__main__":
    main()
