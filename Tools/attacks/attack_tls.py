"""The TLS port: slow, old, wrong, and gone without a word."""

import socket
import ssl
import subprocess
import time
import warnings

import certificates
from attack_openings import HANDSHAKE_SECONDS, TOLERANCE, seconds_until_cut
from check import check, expect, expect_equal
from process import Aloft
from watch import Watch, MIB
from wire import BINARY, CLOSE, Ended, Peer, frame, request

# The beginning of a record that carries a ClientHello of 508 bytes, of which nothing follows.
HELLO = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"


class Secure:
    """`aloft echo` with a certificate, and connections to it."""

    def __init__(self, context):
        made = certificates.make(context.directory)
        self.server = Aloft.echo(context.aloft, "--tls-cert", made.certificate, "--tls-key", made.key)
        self.trust = ssl.create_default_context(cafile=made.authority)
        self.port = self.server.port

    def connect(self, trust=None):
        plain = socket.create_connection(("127.0.0.1", self.port), 15)
        return Peer((trust or self.trust).wrap_socket(plain, server_hostname="localhost"))

    def open(self, trust=None):
        peer = self.connect(trust)
        peer.send(request({"Host": "localhost"}))
        expect_equal(peer.read_head().status, 101, "status over TLS")
        peer.echo()
        return peer

    def expect_life(self, context, wanted=None):
        expect(self.server.is_running, f"the server has ended: {self.server.output}")
        process = Watch(self.server.pid)
        if wanted is not None:
            began = time.monotonic()
            while process.descriptors > wanted and time.monotonic() < began + 10:
                time.sleep(0.02)
            expect(process.descriptors <= wanted, f"{process.descriptors - wanted} descriptors are not back after 10 s")
            context.at_most("descriptors back after", time.monotonic() - began, 5, "s")
        self.open().close()

    def __enter__(self):
        self.server.__enter__()
        for _ in range(4):
            self.open().close()
        time.sleep(0.3)
        self.descriptors = Watch(self.server.pid).descriptors
        return self

    def __exit__(self, *arguments):
        self.server.__exit__(*arguments)


@check("TLS, slow hello")
def slow_hello(context):
    with Secure(context) as secure:
        peers = [Peer.connect(secure.port) for _ in range(200)]
        began = time.monotonic()
        for number, peer in enumerate(peers):
            if number % 2:
                peer.send(HELLO)
        last, told, left = seconds_until_cut(peers, b"", began)
        context.at_most("connections left", left, 0)
        context.at_most("the last one is cut after", last, HANDSHAKE_SECONDS + TOLERANCE, "s")
        expect(not any(b"HTTP" in answer for answer in told), "it was answered in plain text")
        secure.expect_life(context, secure.descriptors)


@check("TLS, hello a byte at a time")
def trickling_hello(context):
    with Secure(context) as secure:
        peers = [Peer.connect(secure.port) for _ in range(20)]
        began = time.monotonic()
        for peer in peers:
            peer.send(HELLO)
        last, _, left = seconds_until_cut(peers, b"\x11", began)
        context.at_most("connections left", left, 0)
        context.at_most("the last one is cut after", last, HANDSHAKE_SECONDS + TOLERANCE, "s")
        # TLS is there, but no request.
        peers = [secure.connect() for _ in range(20)]
        began = time.monotonic()
        last, _, left = seconds_until_cut(peers, b"a", began)
        context.at_most("without a request, left", left, 0)
        context.at_most("without a request, cut after", last, HANDSHAKE_SECONDS + TOLERANCE, "s")
        secure.expect_life(context, secure.descriptors)


@check("TLS, old versions")
def old_versions(context):
    with Secure(context) as secure, warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        for version in (ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1):
            trust = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            trust.check_hostname, trust.verify_mode = False, ssl.CERT_NONE
            # This end has to be willing, or it would refuse by itself.
            trust.set_ciphers("ALL:@SECLEVEL=0")
            trust.minimum_version = trust.maximum_version = version
            try:
                secure.connect(trust).close()
            except ssl.SSLError as error:
                expect("alert" in str(error).lower(), f"{version.name} was not refused by the server: {error}")
            else:
                expect(False, f"{version.name} was accepted")
        for version, wanted in ((ssl.TLSVersion.TLSv1_2, "TLSv1.2"), (ssl.TLSVersion.TLSv1_3, "TLSv1.3")):
            trust = ssl.create_default_context(cafile=f"{context.directory}/ca.pem")
            trust.minimum_version = trust.maximum_version = version
            with secure.open(trust) as peer:
                expect_equal(peer.socket.version(), wanted, "version of TLS")
        # Both: the server takes the newer one.
        with secure.open() as peer:
            expect_equal(peer.socket.version(), "TLSv1.3", "version of TLS where both can 1.3")
        trust = ssl.create_default_context(cafile=f"{context.directory}/ca.pem")
        trust.set_alpn_protocols(["h2", "http/1.1"])
        with secure.connect(trust) as peer:
            expect(
                peer.socket.selected_alpn_protocol() in (None, "http/1.1"),
                f"ALPN chose {peer.socket.selected_alpn_protocol()}",
            )
        secure.expect_life(context, secure.descriptors)
    return "1.0 and 1.1 refused by an alert"


@check("TLS, plain text and noise at its port")
def plain_text(context):
    cases = [
        ("an HTTP request", request()),
        ("noise", bytes(range(256)) * 8),
        ("a record of 2^16 bytes", b"\x16\x03\x01\xff\xff"),
        ("an alert", b"\x15\x03\x01\x00\x02\x02\x28"),
        ("application data", b"\x17\x03\x03\x00\x10" + b"a" * 16),
        ("an empty record", b"\x16\x03\x01\x00\x00" * 200),
        ("SSL 2", b"\x80\x2e\x01\x00\x02" + b"\0" * 41),
        ("nothing but an end", b""),
    ]
    with Secure(context) as secure:
        for what, data in cases:
            for _ in range(20):
                with Peer.connect(secure.port) as peer:
                    peer.send(data)
                    if not data or what == "an empty record":
                        peer.end_output()
                    rest = peer.read_to_end(3)
                    expect(rest.how in ("end", "reset"), f"{what}: the connection stays {rest.how}")
                    expect(b"101" not in rest.data and b"aaaa" not in rest.data, f"{what}: {rest.data[:80]!r}")
        secure.expect_life(context, secure.descriptors)
    return f"{len(cases)} kinds, 20 times each"


@check("TLS, renegotiation")
def renegotiation(context):
    """A client of TLS 1.2 that asks for it again and again is refused."""
    with Secure(context) as secure:
        process = Watch(secure.server.pid)
        before = process.processor_seconds
        child = subprocess.Popen(
            ["openssl", "s_client", "-connect", f"127.0.0.1:{secure.port}", "-tls1_2", "-legacy_renegotiation"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        time.sleep(0.5)
        try:
            for _ in range(20):
                child.stdin.write(b"R\n")
                child.stdin.flush()
                time.sleep(0.02)
            output, _ = child.communicate(timeout=10)
        except BrokenPipeError:
            output = child.stdout.read()
            child.wait(10)
        text = output.decode(errors="replace")
        _, asked, after = text.partition("RENEGOTIATING")
        expect(asked, f"openssl did not ask: {text[-300:]}")
        expect("verify return" not in after, f"the server renegotiated: {after[-600:]}")
        expect("error" in after or "alert" in after, f"nothing was refused: {after[-600:]}")
        context.at_most("processor time", process.processor_seconds - before, 1, "s")
        secure.expect_life(context, secure.descriptors)


@check("TLS, ends without close_notify")
def truncation(context):
    with Secure(context) as secure:
        for number in range(40):
            peer = secure.open()
            if number % 4 == 1:
                peer.send(frame(BINARY, b"a", final=False))
            if number % 4 == 2:
                peer.send(frame(CLOSE))
            # The descriptor below is ended or reset: no close_notify is written.
            plain = socket.socket(fileno=peer.socket.detach())
            if number % 2:
                Peer(plain).reset()
            else:
                plain.shutdown(socket.SHUT_WR)
                plain.settimeout(5)
                try:
                    while plain.recv(4096):
                        pass
                except OSError as error:
                    expect(not isinstance(error, TimeoutError), "the server keeps the connection")
                plain.close()
        # One in the middle of a handshake.
        for _ in range(20):
            with Peer.connect(secure.port) as peer:
                peer.send(HELLO + b"\0" * 100)
                peer.reset()
        secure.expect_life(context, secure.descriptors)


@check("TLS, a stalled reader")
def stalled(context):
    """Bytes wait twice with TLS: as they are, and encrypted."""
    with Secure(context) as secure:
        process = Watch(secure.server.pid)
        process.forget_peak()
        before = process.resident
        peers = [secure.open() for _ in range(4)]
        message = frame(BINARY, bytes(1 << 20), mask=b"\0\0\0\0")
        for peer in peers:
            peer.socket.settimeout(0.5)
            try:
                for _ in range(48):
                    peer.socket.sendall(message)
            except (OSError, Ended):
                pass
        context.at_most("resident memory grew by", (process.peak - before) / MIB, 16, "MiB")
        for peer in peers:
            socket.socket(fileno=peer.socket.detach()).close()
        secure.expect_life(context, secure.descriptors)
