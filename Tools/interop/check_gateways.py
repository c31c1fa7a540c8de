"""`aloft echo-client` with nginx in front of an echo server of our own: redirects, certificates, pins, a Unix socket."""

import os
import shutil

import certificates
from check import Skipped, check, expect, run_command
from check_proxies import Started, expect_echoed, expect_refused, free_port
from process import Aloft


def nginx(context, port, *servers):
    program = shutil.which("nginx") or ("/usr/sbin/nginx" if os.path.exists("/usr/sbin/nginx") else None)
    if program is None:
        raise Skipped("nginx is not installed")
    path = os.path.join(context.directory, "nginx.conf")
    with open(path, "w") as file:
        file.write(f"""
            daemon off; master_process off; pid {context.directory}/nginx.pid; error_log stderr;
            events {{}}
            http {{
                access_log off; client_body_temp_path {context.directory}/body; proxy_temp_path {context.directory}/proxy;
                fastcgi_temp_path {context.directory}/f; uwsgi_temp_path {context.directory}/u; scgi_temp_path {context.directory}/s;
                {" ".join(servers)}
            }}
        """)
    return Started([program, "-c", path, "-e", "stderr"], port)


def passed_on(to):
    return (f"proxy_pass http://127.0.0.1:{to}; proxy_http_version 1.1; proxy_set_header Upgrade $http_upgrade; "
            "proxy_set_header Connection upgrade; proxy_set_header Host $host;")


@check("our client, nginx, redirects")
def redirects(context):
    made = certificates.make(context.directory)
    plain, secure = free_port(), free_port()
    with Aloft.echo(context.aloft) as server, nginx(context, plain, f"""
            server {{
                listen 127.0.0.1:{plain};
                location / {{ {passed_on(server.port)} }}
                location /relative {{ return 302 /; }}
                location /absolute {{ return 307 http://localhost:{plain}/; }}
                location /secure {{ return 301 https://localhost:{secure}/; }}
                location /loop {{ return 308 /loop; }}
            }}
            server {{
                listen 127.0.0.1:{secure} ssl; ssl_certificate {made.certificate}; ssl_certificate_key {made.key};
                location / {{ {passed_on(server.port)} }}
                location /down {{ return 302 http://localhost:{plain}/; }}
            }}"""):
        base = f"ws://localhost:{plain}"
        for path in ("/relative", "/absolute", "/secure"):
            expect_echoed(context, base + path, "--max-redirects", "3", "--ca", made.authority)
            expect_refused(context, base + path, "30", "--ca", made.authority)
        expect_refused(context, base + "/loop", "circle", "--max-redirects", "3")
        expect_refused(context, f"wss://localhost:{secure}/down", "not encrypted", "--max-redirects", "3", "--ca", made.authority)
    return "to wss, never back"


@check("our client, nginx, certificate of the client")
def client_certificate(context):
    made = certificates.make(context.directory)
    with open(f"{context.directory}/passphrase", "w") as file:
        file.write("secret\n")
    mine = certificates.client(context.directory)
    port = free_port()
    with Aloft.echo(context.aloft) as server, nginx(context, port, f"""
            server {{
                listen 127.0.0.1:{port} ssl; ssl_certificate {made.certificate}; ssl_certificate_key {made.key};
                ssl_client_certificate {made.authority}; ssl_verify_client on;
                location / {{ {passed_on(server.port)} }}
            }}"""):
        url, ca = f"wss://localhost:{port}/", ["--ca", made.authority]
        expect_echoed(context, url, *ca, "--cert", mine.certificate, "--key", mine.key)
        status, output = run_command(["openssl", "pkcs8", "-topk8", "-in", mine.key, "-out", f"{context.directory}/mine.key",
                                      "-passout", "pass:secret", "-v2", "aes-256-cbc"])
        expect(status == 0, output)
        expect_echoed(context, url, *ca, "--cert", mine.certificate, "--key", f"{context.directory}/mine.key",
                      "--passphrase-file", f"{context.directory}/passphrase")
        # nginx says it in HTTP.
        expect_refused(context, url, "400", *ca)
    return "with an encrypted key as well"


@check("our client, nginx, pins")
def pins(context):
    made = certificates.make(context.directory)
    command = (f"openssl x509 -in {made.certificate} -pubkey -noout | openssl pkey -pubin -outform der "
               "| openssl dgst -sha256 -binary | openssl base64")
    status, pin = run_command(["sh", "-c", command])
    expect(status == 0, pin)
    pin, other = "sha256//" + pin.strip(), "sha256//47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="
    port = free_port()
    with Aloft.echo(context.aloft) as server, nginx(context, port, f"""
            server {{
                listen 127.0.0.1:{port} ssl; ssl_certificate {made.certificate}; ssl_certificate_key {made.key};
                ssl_protocols TLSv1.2;
                location / {{ {passed_on(server.port)} }}
            }}"""):
        url, ca = f"wss://localhost:{port}/", ["--ca", made.authority]
        expect_echoed(context, url, *ca, "--pin", other, "--pin", pin)
        expect_refused(context, url, pin, *ca, "--pin", other)
        expect_refused(context, url, "not trusted", "--pin", pin)
        expect_echoed(context, f"wss://nowhere.invalid:{port}/", *ca, "--resolve", f"nowhere.invalid:{port}:127.0.0.1",
                      "--server-name", "localhost", "--pin", pin)
        expect_refused(context, f"wss://nowhere.invalid:{port}/", "not trusted", *ca, "--resolve", f"*:{port}:127.0.0.1")
    return "on top of trust"


@check("our client, nginx, a socket in the file system")
def unix_socket(context):
    port, path = free_port(), os.path.join(context.directory, "nginx.sock")
    made = certificates.make(context.directory)
    with Aloft.echo(context.aloft) as server, nginx(context, port, f"""
            server {{ listen unix:{path}; listen 127.0.0.1:{port}; location / {{ {passed_on(server.port)} }} }}
            server {{ listen unix:{path}s ssl; ssl_certificate {made.certificate}; ssl_certificate_key {made.key};
                     location / {{ {passed_on(server.port)} }} }}"""):
        expect_echoed(context, "ws://localhost/", "--unix", path)
        expect_echoed(context, "wss://localhost/", "--unix", path + "s", "--ca", made.authority)
        expect_refused(context, "wss://other.example/", "not trusted", "--unix", path + "s", "--ca", made.authority)
        expect_refused(context, "ws://localhost/", "cannot connect", "--unix", path + "-nothing")
    return "ws and wss"
