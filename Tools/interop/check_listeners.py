"""How and where `aloft echo` listens: Unix sockets, certificates that are reloaded, client certificates, versions of TLS."""

import asyncio
import os
import re
import resource
import signal
import ssl
import stat
import subprocess

import websockets
from websockets.asyncio.client import connect, unix_connect

import certificates
from check import check, expect, expect_equal, run_command
from process import Aloft

CONNECTIONS = 1_000
RELOADS = 20


def openssl_client(port, *options):
    """What `openssl s_client` says of a connection; whether its handshake was completed."""
    done = subprocess.run(
        ["openssl", "s_client", "-connect", f"127.0.0.1:{port}", *options], input="", stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, text=True, errors="replace", timeout=20)
    return done.stdout, done.returncode == 0 and "Cipher is (NONE)" not in done.stdout


def serial_of(path):
    return run_command(["openssl", "x509", "-in", path, "-noout", "-serial"])[1].strip()


def serial_shown(port):
    """The serial number of the certificate that a new connection gets."""
    output, _ = openssl_client(port)
    certificate = re.search(r"-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----", output, re.DOTALL)
    expect(certificate is not None, f"no certificate: {output[-300:]}")
    done = subprocess.run(["openssl", "x509", "-noout", "-serial"], input=certificate.group(0), text=True,
                          stdout=subprocess.PIPE, timeout=20)
    return done.stdout.strip()


@check("unix socket, python and curl")
def unix_socket(context):
    path = os.path.join(context.directory, "s")

    async def talk():
        for _ in range(20):
            async with unix_connect(path, "ws://localhost/", compression=None) as websocket:
                for message in ("hello", bytes(100_000)):
                    await websocket.send(message)
                    expect_equal(await websocket.recv(), message, "echo")

    with Aloft.echo(context.aloft, "--unix", path) as server:
        expect(stat.S_ISSOCK(os.stat(path).st_mode), "no socket")
        asyncio.run(talk())
        _, output = run_command(["curl", "--silent", "--include", "--max-time", "10", "--unix-socket", path, "http://a/"])
        expect(output.startswith("HTTP/1.1 426 "), output[:200])
        # A second server does not take it away from the first.
        status, output = run_command([context.aloft, "echo", "--port", "0", "--unix", path], 20)
        expect(status != 0 and f"unix:{path}" in output and "in use" in output, output)
        asyncio.run(talk())
        expect_equal(server.end(), 0, "status")
    expect(not os.path.exists(path), "the file is still there")
    # One that was killed leaves its file behind, which the next one replaces.
    with Aloft.echo(context.aloft, "--unix", path) as server:
        os.kill(server.pid, signal.SIGKILL)
        server.end()
    expect(os.path.exists(path), "the file has gone")
    with Aloft.echo(context.aloft, "--unix", path):
        asyncio.run(talk())
    return "python, curl, a stale file"


@check("tls, reload without dropping anybody")
def reload(context):
    """1,000 connections, 20 reloads of good certificates and one of a bad one."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    made = certificates.make(context.directory)
    trust = ssl.create_default_context(cafile=made.authority)

    async def talk(server):
        url = f"wss://localhost:{server.port}/"
        gate = asyncio.Semaphore(50)

        async def open_one():
            async with gate:
                return await connect(url, ssl=trust, compression=None, open_timeout=30, ping_interval=None)

        async def echo(websocket, text):
            await websocket.send(text)
            expect_equal(await asyncio.wait_for(websocket.recv(), 20), text, "echo")

        sockets = await asyncio.gather(*(open_one() for _ in range(CONNECTIONS)))
        serials = {serial_shown(server.port)}
        for number in range(RELOADS):
            certificates.renew(context.directory)
            os.kill(server.pid, signal.SIGHUP)
            await asyncio.to_thread(server.wait_for, "certificates reloaded")
            shown = await asyncio.to_thread(serial_shown, server.port)
            expect_equal(shown, serial_of(made.certificate), f"serial number after reload {number}")
            serials.add(shown)
            await asyncio.gather(*(echo(websocket, f"{number}") for websocket in sockets[number::RELOADS]))
        with open(made.certificate, "w") as file:
            file.write("rubbish")
        os.kill(server.pid, signal.SIGHUP)
        await asyncio.to_thread(server.wait_for, "TLS was not reloaded")
        expect_equal(await asyncio.to_thread(serial_shown, server.port), shown, "serial number after a bad reload")
        await asyncio.gather(*(echo(websocket, "all") for websocket in sockets))
        await asyncio.gather(*(websocket.close() for websocket in sockets))
        return len(serials)

    with Aloft.echo(context.aloft, "--tls-cert", made.certificate, "--tls-key", made.key) as server:
        count = asyncio.run(talk(server))
    return f"{CONNECTIONS} connections, {count} certificates, none dropped"


@check("tls, versions and ALPN")
def versions(context):
    made = certificates.make(context.directory)
    with Aloft.echo(context.aloft, "--tls-cert", made.certificate, "--tls-key", made.key) as server:
        for version, is_spoken in [("-tls1_1", False), ("-tls1_2", True), ("-tls1_3", True)]:
            output, is_connected = openssl_client(server.port, version, "-cipher", "DEFAULT:@SECLEVEL=0")
            expect_equal(is_connected, is_spoken, f"{version}: {output[-200:]}")
        for offer, wanted in [("http/1.1", "ALPN protocol: http/1.1"), ("h2,http/1.1", "ALPN protocol: http/1.1"),
                              ("h2", "No ALPN negotiated")]:
            output, is_connected = openssl_client(server.port, "-alpn", offer)
            expect(is_connected and wanted in output, f"{offer}: {output[-300:]}")
        # HTTP without TLS gets no answer that could be taken for one.
        _, output = run_command(["curl", "--silent", "--max-time", "10", f"http://127.0.0.1:{server.port}/"])
        expect_equal(output, "", "answer to plain HTTP")
    return "1.2 and 1.3, http/1.1"


@check("tls, client certificates")
def client_certificates(context):
    made = certificates.make(context.directory)
    client = certificates.client(context.directory)
    stranger_directory = os.path.join(context.directory, "stranger")
    os.mkdir(stranger_directory)
    certificates.make(stranger_directory)
    stranger = certificates.client(stranger_directory)

    async def talk(url, certificate):
        trust = ssl.create_default_context(cafile=made.authority)
        if certificate:
            trust.load_cert_chain(certificate.certificate, certificate.key)
        async with connect(url, ssl=trust, compression=None) as websocket:
            await websocket.send("hello")
            return await websocket.recv()

    with Aloft.echo(context.aloft, "--tls-cert", made.certificate, "--tls-key", made.key, "--tls-client-ca",
                    made.authority) as server:
        url = f"wss://localhost:{server.port}/"
        for _ in range(3):
            expect_equal(asyncio.run(talk(url, client)), "hello", "echo")
        for certificate in (None, stranger):
            try:
                asyncio.run(talk(url, certificate))
            except (OSError, ssl.SSLError, websockets.InvalidHandshake, websockets.ConnectionClosed):
                continue
            expect(False, "a client was let in that should not be")
        output, _ = openssl_client(server.port, "-cert", client.certificate, "-key", client.key)
        expect("Acceptable client certificate CA names" in output, "no authority is named")
        # A session that is resumed keeps the client's identity.
        session = os.path.join(context.directory, "session")
        options = ["-cert", client.certificate, "-key", client.key, "-tls1_2"]
        openssl_client(server.port, *options, "-sess_out", session)
        if os.path.exists(session):
            output, is_connected = openssl_client(server.port, *options, "-sess_in", session)
            expect(is_connected, f"resuming a session failed: {output[-300:]}")
    return "one let in, two refused"
