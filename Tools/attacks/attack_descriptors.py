"""A server whose process has no descriptor left."""

import time

from check import Failed, check, expect
from process import Aloft
from watch import Watch
from wire import Ended, Peer


@check("no descriptors left")
def no_descriptors(context):
    """64 descriptors and 200 clients: who has no place is refused or waits in the backlog; later all is well again."""

    def echo(port):
        with Peer.opened(port) as peer:
            peer.echo()

    def echo_once_there_is_room(port):
        """Those of the crowd that have not been seen to be gone still take places: who is refused tries again."""
        began = time.monotonic()
        while True:
            try:
                echo(port)
                return time.monotonic() - began
            except (Ended, Failed, OSError):
                if time.monotonic() - began > 20:
                    raise
                time.sleep(0.05)

    # The server would raise its own limit: the hard one is lowered.
    with Aloft.echo(context.aloft, "--threads", "1", wrapper=("prlimit", "--nofile=64:64")) as server:
        process = Watch(server.pid)
        echo(server.port)
        quiet = process.descriptors
        crowd = [Peer.connect(server.port) for _ in range(200)]
        time.sleep(1)
        before = process.processor_seconds
        time.sleep(4)
        spent = process.processor_seconds - before
        expect(server.is_running, "the server has ended")
        # Half-open ones are cut after ten seconds: these have only been there for five.
        context.at_most("processor while there is none", spent / 4 * 100, 5, "%")
        for peer in crowd:
            peer.close()
        context.at_most("serves again after", echo_once_there_is_room(server.port), 5, "s")
        until = time.monotonic() + 5
        while process.descriptors > quiet and time.monotonic() < until:
            time.sleep(0.05)
        context.at_most("descriptors kept", max(0, process.descriptors - quiet), 0)
        expect(server.is_running, "the server has ended")
