"""A certificate authority for one check, and a certificate of `localhost` signed by it."""

import os
from dataclasses import dataclass

from check import Failed, run_command


@dataclass
class Certificates:
    authority: str
    certificate: str
    key: str


def make(directory):
    """Makes both with openssl; the paths of the PEM files."""

    def path(name):
        return os.path.join(directory, name)

    def openssl(*arguments):
        status, output = run_command(["openssl", *arguments])
        if status:
            raise Failed(f"openssl {arguments[0]} ended with {status}: {output}")

    with open(path("leaf.ext"), "w") as file:
        file.write("subjectAltName=DNS:localhost,IP:127.0.0.1\nbasicConstraints=CA:FALSE\n"
                   "keyUsage=critical,digitalSignature\nextendedKeyUsage=serverAuth\n")
    curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    openssl("req", "-x509", *curve, "-days", "2", "-subj", "/CN=Interop CA", "-keyout", path("ca.key"), "-out",
            path("ca.pem"), "-addext", "keyUsage=critical,keyCertSign")
    openssl("req", *curve, "-subj", "/CN=localhost", "-keyout", path("leaf.key"), "-out", path("leaf.csr"))
    openssl("x509", "-req", "-in", path("leaf.csr"), "-CA", path("ca.pem"), "-CAkey", path("ca.key"), "-CAcreateserial",
            "-days", "2", "-extfile", path("leaf.ext"), "-out", path("leaf.pem"))
    return Certificates(path("ca.pem"), path("leaf.pem"), path("leaf.key"))
