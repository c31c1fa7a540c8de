"""The page of `aloft serve`, used as people use it."""

import contextlib
import re
import socket
import threading

from playwright.sync_api import sync_playwright

import browser
from check import check, expect, expect_equal
from process import Aloft, Process

HOSTILE = "<img src=x onerror=\"document.title='taken over'\"> & <b>bold</b> 漢字 🪁"


class Tab:
    """One person in one page. `errors` are the page's own: exceptions, and what the console calls an error."""

    def __init__(self, context, url, name):
        self.errors = []
        self.page = context.new_page()
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.on("console", lambda message: message.type == "error" and self.errors.append(message.text))
        self.page.goto(url)
        self.page.get_by_label("Your name").fill(name)
        self.page.get_by_role("button", name="Join").click()
        self.wait_for_state("open")

    def wait_for_state(self, state, seconds=15):
        self.page.locator(f"#state[data-state={state}]").wait_for(timeout=seconds * 1000)

    def write(self, text):
        self.page.get_by_label("Message", exact=True).fill(text)
        self.page.keyboard.press("Enter")

    def sees(self, text, sender):
        line = self.page.locator(".message:not(.pending)").filter(has=self.page.get_by_text(text, exact=True))
        line.first.wait_for()
        expect_equal(line.count(), 1, f"lines with {text!r}")
        expect_equal(line.locator(".who").text_content(), sender, f"who said {text!r}")

    def sees_event(self, text):
        self.page.locator(".event", has_text=text).last.wait_for()

    @property
    def people(self):
        return self.page.locator("#people .name").all_text_contents()


@contextlib.contextmanager
def chromium_context(**options):
    with sync_playwright() as playwright:
        chromium = browser.launch(playwright)
        context = chromium.new_context(**options)
        context.set_default_timeout(10_000)
        yield context
        chromium.close()


@check("page, two tabs talk")
def two_tabs(context):
    with Aloft.serve(context.aloft) as server, chromium_context() as tabs:
        ada = Tab(tabs, server.url, "Ada")
        ada.write("Is anybody there?")
        ada.sees("Is anybody there?", "You")
        grace = Tab(tabs, server.url, "Grace")
        grace.sees("Is anybody there?", "Ada")
        ada.sees_event("Grace joined")
        expect_equal((ada.people, grace.people), (["Ada", "Grace"], ["Grace", "Ada"]), "who is there")
        grace.write(HOSTILE)
        grace.sees(HOSTILE, "You")
        ada.sees(HOSTILE, "Grace")
        expect_equal(ada.page.locator(".message img, .message b").count(), 0, "elements made of a message")
        expect_equal(ada.page.title(), "Aloft chat", "title")
        ada.page.locator("#trip", has_text=re.compile(r" ms$")).wait_for()
        grace.page.get_by_role("button", name="Leave the room").click()
        ada.sees_event("Grace left")
        expect_equal(ada.people, ["Ada"], "who is there")
        expect_equal(ada.errors + grace.errors, [], "errors in the console")
        return f"round trip {ada.page.locator('#trip').text_content()}"


@check("page, echo")
def echo(context):
    with Aloft.serve(context.aloft) as server, chromium_context() as tabs:
        tab = Tab(tabs, server.url, "Ada")
        panel = tab.page.get_by_role("region", name="Echo")
        panel.get_by_label("Text to echo").fill("there and back")
        panel.get_by_role("button", name="Send", exact=True).click()
        panel.locator("li", has_text="there and back").filter(has_text=" ms").wait_for()
        panel.get_by_role("button", name="64 KiB").click()
        panel.locator("li", has_text="64 KiB").filter(has_text=" ms").wait_for()
        expect_equal(panel.locator("li.failed").count(), 0, "failed echoes")
        expect_equal(tab.errors, [], "errors in the console")


@check("page, comes back")
def reconnects(context):
    """The server ends and starts again on its port; what was written while it was away is not lost, nor sent unasked."""
    with chromium_context() as tabs:
        with Aloft.serve(context.aloft) as server:
            port, url = server.port, server.url
            ada = Tab(tabs, url, "Ada")
            ada.write("before")
            ada.sees("before", "You")
            server.end()
            ada.page.locator("#state:not([data-state=open])").wait_for()
            ada.page.get_by_label("Message", exact=True).fill("written while it was away")
            ada.page.keyboard.press("Enter")
            command = [context.aloft, "serve", "--host", "127.0.0.1", "--port", str(port)]
            with Process(command, r"open (http\S+)"):
                ada.wait_for_state("open", seconds=30)
                ada.sees_event("You are back")
                expect_equal(ada.page.get_by_label("Message", exact=True).input_value(), "written while it was away",
                             "what is left in the field")
                expect_equal(ada.page.locator(".message").count(), 1, "messages shown")
                ada.page.get_by_label("Message", exact=True).press("Enter")
                ada.sees("written while it was away", "You")
                expect_equal(ada.people, ["Ada"], "who is there")
                return "on the port it had"


class StallingProxy:
    """Passes bytes on to a port until told to swallow what the client sends."""

    def __init__(self, port):
        self.swallows = False
        self._target = port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._sockets = []
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        with contextlib.suppress(OSError):
            while True:
                client = self._listener.accept()[0]
                server = socket.create_connection(("127.0.0.1", self._target))
                self._sockets += [client, server]
                threading.Thread(target=self._pass, args=(client, server, True), daemon=True).start()
                threading.Thread(target=self._pass, args=(server, client, False), daemon=True).start()

    def _pass(self, source, target, is_client):
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                if not (is_client and self.swallows):
                    target.sendall(data)
            target.shutdown(socket.SHUT_WR)

    def cut(self):
        for one in self._sockets:
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()
        self._sockets.clear()

    def close(self):
        self._listener.close()
        self.cut()


@check("page, unconfirmed message")
def unconfirmed(context):
    """What was sent into a connection that dies is shown as not confirmed, and goes out again only when asked."""
    with Aloft.serve(context.aloft) as server, contextlib.closing(StallingProxy(server.port)) as proxy:
        with chromium_context() as tabs:
            ada = Tab(tabs, f"http://127.0.0.1:{proxy.port}/", "Ada")
            grace = Tab(tabs, server.url, "Grace")
            proxy.swallows = True
            ada.write("into the void")
            ada.page.locator(".message.pending").wait_for()
            proxy.cut()
            ada.page.locator(".message.unconfirmed", has_text="into the void").wait_for()
            proxy.swallows = False
            ada.wait_for_state("open", seconds=30)
            grace.write("are you back?")
            ada.sees("are you back?", "Grace")
            expect_equal(grace.page.locator(".message", has_text="into the void").count(), 0, "sent again unasked")
            ada.page.get_by_role("button", name="Send again").click()
            grace.sees("into the void", "Ada")
            ada.sees("into the void", "You")
            expect_equal(ada.page.locator(".message.unconfirmed, .message.pending").count(), 0, "lines unconfirmed")


@check("page, 390 and 1280 wide")
def widths(context):
    with Aloft.serve(context.aloft) as server, chromium_context(viewport={"width": 390, "height": 844}) as tabs:
        tab = Tab(tabs, server.url, "W" * 40)
        tab.write("unbroken" * 200)
        tab.page.locator(".message:not(.pending)").wait_for()
        for width in (320, 390, 820, 1280):
            tab.page.set_viewport_size({"width": width, "height": 844})
            over = tab.page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
            expect(over <= 0, f"{over} px too wide at {width}")
            log = tab.page.evaluate("(log => log.scrollWidth - log.clientWidth)(document.getElementById('log'))")
            expect(log <= 0, f"the messages are {log} px too wide at {width}")
        tab.page.set_viewport_size({"width": 390, "height": 844})
        tab.page.get_by_role("button", name="1 person").click()
        tab.page.get_by_role("button", name="Send 64 KiB").wait_for(state="visible")
        tab.page.keyboard.press("Escape")
        tab.page.get_by_label("Message", exact=True).wait_for(state="visible")
        expect_equal(tab.errors, [], "errors in the console")
