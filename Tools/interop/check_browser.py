"""Chromium's own WebSocket talks to `aloft echo`, and to `aloft serve` from a page of another origin."""

import contextlib
import http.server
import threading

from playwright.sync_api import sync_playwright

import browser
from check import check, expect, expect_equal
from process import Aloft

TALK = """
async ({ url, sizes }) => {
    const socket = new WebSocket(url);
    socket.binaryType = "arraybuffer";
    const waiting = [];
    const closed = new Promise((resolve) => { socket.onclose = resolve; });
    socket.onmessage = (event) => waiting.shift()(event.data);
    await Promise.race([new Promise((resolve) => { socket.onopen = resolve; }), closed]);
    if (socket.readyState !== WebSocket.OPEN) return { failed: "no connection" };
    const echo = (data) => Promise.race([
        new Promise((resolve) => { waiting.push(resolve); socket.send(data); }),
        closed.then((event) => { throw new Error(`closed with ${event.code} ${event.reason}`); }),
    ]);
    const isSame = (a, b) => a.byteLength === b.byteLength && new Uint8Array(a).every((byte, i) => byte === new Uint8Array(b)[i]);
    const wrong = [];
    let count = 0;
    for (const size of sizes) {
        const text = "über den Wolken, ".repeat(size / 17 + 1).slice(0, size);
        if (await echo(text) !== text) wrong.push(`text of ${size}`);
        const bytes = new Uint8Array(size);
        for (let i = 0; i < size; i += 65536) crypto.getRandomValues(bytes.subarray(i, i + 65536));
        const back = await echo(bytes.buffer);
        if (!(back instanceof ArrayBuffer) || !isSame(back, bytes.buffer)) wrong.push(`ArrayBuffer of ${size}`);
        const blob = await echo(new Blob([bytes]));
        if (!(blob instanceof ArrayBuffer) || !isSame(blob, bytes.buffer)) wrong.push(`Blob of ${size}`);
        count += 3;
    }
    const many = Array.from({ length: 300 }, (_, i) => `${i} `.repeat(i));
    const answers = await Promise.all(many.map(echo));
    if (answers.some((answer, i) => answer !== many[i])) wrong.push("300 messages at once");
    socket.close(3001, "auf Wiedersehen, ä");
    const event = await closed;
    return { count: count + many.length, wrong, extensions: socket.extensions,
             closed: [event.code, event.reason, event.wasClean] };
}
"""

OPEN = """
(url) => new Promise((resolve) => {
    const socket = new WebSocket(url);
    socket.onopen = () => { socket.close(1000); resolve("open"); };
    socket.onerror = () => resolve("refused");
})
"""


class EmptyPage(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = b"<!DOCTYPE html><title>Another origin</title>"
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


@contextlib.contextmanager
def another_origin():
    """A web server that is not ours; its URL."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), EmptyPage)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/"
    finally:
        server.shutdown()
        server.server_close()


@contextlib.contextmanager
def page_of_another_origin():
    with another_origin() as url, sync_playwright() as playwright:
        chromium = browser.launch(playwright)
        page = chromium.new_page()
        page.goto(url)
        yield page
        chromium.close()


def talk(context, options, extension):
    with Aloft.echo(context.aloft, "--max-message", str(4 << 20), *options) as server, page_of_another_origin() as page:
        result = page.evaluate(TALK, {"url": server.url, "sizes": [0, 1, 125, 126, 65535, 65536, 1 << 20]})
    expect("failed" not in result, result.get("failed"))
    expect_equal(result["wrong"], [], "echoes that differ")
    expect_equal(result["extensions"].split(";")[0], extension, "extension negotiated")
    expect_equal(result["closed"], [3001, "auf Wiedersehen, ä", True], "code, reason and wasClean")
    return f"{result['count']} messages"


@check("Chromium, deflate")
def deflate(context):
    return talk(context, ["--deflate"], "permessage-deflate")


@check("Chromium, deflate declined")
def deflate_declined(context):
    return talk(context, [], "")


@check("Chromium, message too big")
def message_too_big(context):
    script = """
    (url) => new Promise((resolve) => {
        const socket = new WebSocket(url);
        socket.onopen = () => socket.send("a".repeat(100000));
        socket.onmessage = () => resolve("it came back");
        socket.onclose = (event) => resolve([event.code, event.wasClean]);
    })
    """
    with Aloft.echo(context.aloft, "--deflate", "--max-message", "1000") as server, page_of_another_origin() as page:
        expect_equal(page.evaluate(script, server.url), [1009, True], "code and wasClean")
    return "1009"


@check("Chromium, Origin")
def origin(context):
    """A page of another origin is let in by `aloft echo`, and by `aloft serve` it is not (RFC 6455 section 10.2)."""
    with Aloft.echo(context.aloft) as echo, Aloft.serve(context.aloft) as served, page_of_another_origin() as page:
        base = f"ws://127.0.0.1:{served.port}"
        expect_equal(page.evaluate(OPEN, echo.url), "open", "`aloft echo` from another origin")
        expect_equal(page.evaluate(OPEN, f"{base}/ws"), "refused", "`aloft serve` /ws from another origin")
        expect_equal(page.evaluate(OPEN, f"{base}/echo"), "refused", "`aloft serve` /echo from another origin")
        page.goto(f"http://127.0.0.1:{served.port}/")
        expect_equal(page.evaluate(OPEN, f"{base}/ws"), "open", "`aloft serve` /ws from its own page")
        expect_equal(page.evaluate(OPEN, f"{base}/echo"), "open", "`aloft serve` /echo from its own page")
    return "another origin refused by serve"
