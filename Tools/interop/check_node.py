"""node's own WebSocket client talks to `aloft echo`; our client talks to the package `ws`."""

import os
import re
import shutil

from check import Skipped, check, expect, run_command
from client import expect_echoed
from process import Aloft, Process

HERE = os.path.dirname(os.path.abspath(__file__))
# Where Debian's packages put node's modules; a node from elsewhere does not look there by itself.
MODULES = {"NODE_PATH": "/usr/share/nodejs:/usr/lib/nodejs"}


def node():
    path = shutil.which("node")
    expect(path is not None, "node is not installed: run Tools/install-dependencies")
    return path


def run_client(context, options, negotiated):
    status, _ = run_command([node(), "--experimental-websocket", "-e", "process.exit(typeof WebSocket === 'function' ? 0 : 1)"])
    if status:
        raise Skipped("this node has no WebSocket client: it takes version 20.10 or newer")
    with Aloft.echo(context.aloft, "--max-message", str(4 << 20), *options) as server:
        status, output = run_command([node(), "--no-warnings", "--experimental-websocket",
                                      os.path.join(HERE, "node-client.mjs"), server.url, negotiated])
    expect(status == 0, f"the client ended with {status}: {output}")
    return output.strip().splitlines()[-1]


@check("node client, deflate")
def client_deflate(context):
    return run_client(context, ["--deflate"], "permessage-deflate")


@check("node client, deflate declined")
def client_declined(context):
    return run_client(context, [], "none")


def run_server(context, deflates, offers):
    command = [node(), os.path.join(HERE, "ws-server.cjs"), "deflate" if deflates else "plain"]
    with Process(command, r"listening on (\d+)", MODULES) as server:
        url = f"ws://127.0.0.1:{server.ready.group(1)}/"
        expect_echoed(context, url, is_compressed=deflates and offers, offers=offers)
        seen = server.wait_for(r"closed (\d+) extensions (\S+)")
    expect(seen.group(1) == "1000", f"the server saw the close code {seen.group(1)}")
    compressed = re.match("permessage-deflate", seen.group(2)) is not None
    expect(compressed == (deflates and offers), f"the server negotiated {seen.group(2)}")
    return f"server saw {seen.group(2)}"


@check("our client, ws server, deflate")
def server_deflate(context):
    return run_server(context, deflates=True, offers=True)


@check("our client, ws server, deflate declined")
def server_declined(context):
    return run_server(context, deflates=False, offers=True)


@check("our client, ws server, deflate not offered")
def server_not_offered(context):
    return run_server(context, deflates=True, offers=False)
