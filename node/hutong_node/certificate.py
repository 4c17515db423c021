"""The TLS certificate of a node: self-signed, made once, known to peers by its digest.

Peers pin the SHA-256 of the certificate's DER form, from an invite or from the operator; its names
and dates are checked by nobody, so it is made to last. P-256 is the one kind of key that every TLS
library in use takes. Contexts and sockets belong to the shell. Spec: 7.1.
"""

from __future__ import annotations

import datetime
import hashlib
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from hutong_node.keys import read_secret, write_secret

_NAME: Final = "hutong node"
# Libraries differ on dates before 1970 and after 2049, where another form of date begins.
_VALID_FROM: Final = datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC)
_VALID_TO: Final = datetime.datetime(2049, 12, 31, tzinfo=datetime.UTC)


def make_certificate(certificate_path: Path, key_path: Path) -> bytes:
    """A new certificate and its private key, both as PEM files with mode 0600.

    Returns:
        The certificate's digest, as `certificate_digest`.

    Raises:
        KeyFileRefused: one of the files exists, or can't be written.
    """
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, _NAME)])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(_VALID_FROM)
        .not_valid_after(_VALID_TO)
        .sign(key, hashes.SHA256())
    )
    write_secret(
        key_path,
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        ),
    )
    write_secret(certificate_path, certificate.public_bytes(serialization.Encoding.PEM))
    return certificate_digest(certificate_path)


def check_certificate(certificate_path: Path, key_path: Path) -> bytes:
    """The digest of a certificate whose private key only this user can read.

    To be called before the two files are handed to the TLS library, which doesn't look at modes.

    Raises:
        KeyFileRefused: as `hutong_node.keys.load_key`, for the private key.
        ValueError: the file holds no certificate.
    """
    read_secret(key_path)
    return certificate_digest(certificate_path)


def certificate_digest(certificate_path: Path) -> bytes:
    """The SHA-256, 32 bytes, of the DER form of the certificate in a PEM file. Spec: 7.1.2.

    Raises:
        ValueError: it holds no certificate.
    """
    certificate = x509.load_pem_x509_certificate(certificate_path.read_bytes())
    return hashlib.sha256(certificate.public_bytes(serialization.Encoding.DER)).digest()
