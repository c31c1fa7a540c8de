"""A certificate authority for one check, and a certificate of `localhost` signed by it."""

import os
from dataclasses import dataclass

from check import Failed, run_command


@dataclass
class Certificates:
    authority: str
    certificate: str
    key: str


CURVE = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]


def openssl(*arguments):
    status, output = run_command(["openssl", *arguments])
    if status:
        raise Failed(f"openssl {arguments[0]} ended with {status}: {output}")


def signed(directory, name, subject, extensions):
    """A new certificate and key under `name`, which replace what is there, signed by the authority in `directory`."""

    def path(suffix):
        return os.path.join(directory, f"{name}{suffix}")

    with open(path(".ext"), "w") as file:
        file.write(f"basicConstraints=CA:FALSE\nkeyUsage=critical,digitalSignature\n{extensions}\n")
    openssl("req", *CURVE, "-subj", subject, "-keyout", path(".new.key"), "-out", path(".csr"))
    openssl("x509", "-req", "-in", path(".csr"), "-CA", os.path.join(directory, "ca.pem"), "-CAkey",
            os.path.join(directory, "ca.key"), "-CAcreateserial", "-days", "2", "-extfile", path(".ext"), "-out",
            path(".new.pem"))
    os.replace(path(".new.key"), path(".key"))
    os.replace(path(".new.pem"), path(".pem"))
    return Certificates(os.path.join(directory, "ca.pem"), path(".pem"), path(".key"))


def make(directory):
    """Makes an authority and a certificate of `localhost` with openssl; the paths of the PEM files."""
    openssl("req", "-x509", *CURVE, "-days", "2", "-subj", "/CN=Test CA", "-keyout", os.path.join(directory, "ca.key"),
            "-out", os.path.join(directory, "ca.pem"), "-addext", "keyUsage=critical,keyCertSign")
    return renew(directory)


def renew(directory):
    """Another certificate of `localhost` in the place of the one before, with a serial number of its own."""
    return signed(directory, "leaf", "/CN=localhost",
                  "subjectAltName=DNS:localhost,IP:127.0.0.1\nextendedKeyUsage=serverAuth")


def client(directory):
    """A client's certificate, signed by the same authority."""
    return signed(directory, "client", "/CN=device 7", "subjectAltName=DNS:device.example.com\nextendedKeyUsage=clientAuth")
