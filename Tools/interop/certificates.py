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


def make(directory):
    """Makes both with openssl; the paths of the PEM files."""
    openssl("req", "-x509", *CURVE, "-days", "2", "-subj", "/CN=Interop CA", "-keyout", f"{directory}/ca.key", "-out",
            f"{directory}/ca.pem", "-addext", "keyUsage=critical,keyCertSign")
    return sign(directory, "leaf", "serverAuth")


def sign(directory, name, usage):
    """A certificate of `localhost` for `usage`, signed by the authority that `make` has put into the directory."""

    def path(suffix):
        return os.path.join(directory, f"{name}.{suffix}")

    with open(path("ext"), "w") as file:
        file.write("subjectAltName=DNS:localhost,IP:127.0.0.1\nbasicConstraints=CA:FALSE\n"
                   f"keyUsage=critical,digitalSignature\nextendedKeyUsage={usage}\n")
    authority, key = os.path.join(directory, "ca.pem"), os.path.join(directory, "ca.key")
    openssl("req", *CURVE, "-subj", "/CN=localhost", "-keyout", path("key"), "-out", path("csr"))
    openssl("x509", "-req", "-in", path("csr"), "-CA", authority, "-CAkey", key, "-CAcreateserial", "-days", "2",
            "-extfile", path("ext"), "-out", path("pem"))
    return Certificates(authority, path("pem"), path("key"))
