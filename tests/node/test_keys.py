"""Key files: mode 0600 or nothing, one kind each, never overwritten, never lost."""

from __future__ import annotations

import os
import ssl
from pathlib import Path

import pytest

from hutong_node.certificate import certificate_digest, check_certificate, make_certificate
from hutong_node.keys import KeyFileRefused, KeyKind, load_key, make_key
from hutong_protocol import signatures


def test_a_key_is_found_again_and_only_its_owner_can_read_it(tmp_path: Path) -> None:
    """Threat 28."""
    path = tmp_path / "writer.key"
    previous = os.umask(0)
    try:
        seed = make_key(path, KeyKind.WRITER)
    finally:
        os.umask(previous)
    assert path.stat().st_mode & 0o777 == 0o600
    assert load_key(path, KeyKind.WRITER) == seed
    assert len(signatures.public_key(seed)) == 32


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o602, 0o610, 0o601, 0o644, 0o777])
def test_a_key_that_others_can_use_is_refused(tmp_path: Path, mode: int) -> None:
    """Threat 28: the message names the file and what to do."""
    path = tmp_path / "writer.key"
    make_key(path, KeyKind.WRITER)
    path.chmod(mode)
    with pytest.raises(KeyFileRefused) as refused:
        load_key(path, KeyKind.WRITER)
    assert str(path) in str(refused.value)
    assert f"chmod 600 '{path}'" in str(refused.value)
    path.chmod(0o600)
    assert load_key(path, KeyKind.WRITER)


@pytest.mark.parametrize("mode", [0o600, 0o400])
def test_a_key_that_only_its_owner_can_use_is_loaded(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "control.key"
    seed = make_key(path, KeyKind.CONTROL)
    path.chmod(mode)
    assert load_key(path, KeyKind.CONTROL) == seed


def test_a_key_of_another_user_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "writer.key"
    make_key(path, KeyKind.WRITER)
    mine = os.geteuid()
    monkeypatch.setattr(os, "geteuid", lambda: mine + 1)
    with pytest.raises(KeyFileRefused, match="belongs to user"):
        load_key(path, KeyKind.WRITER)


def test_a_key_of_another_kind_is_refused(tmp_path: Path) -> None:
    """Spec 3.1: a key has one use."""
    path = tmp_path / "control.key"
    make_key(path, KeyKind.CONTROL)
    with pytest.raises(KeyFileRefused, match="holds no writer key"):
        load_key(path, KeyKind.WRITER)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda text: text[:-3],
        lambda text: text + "x",
        lambda text: text.replace("form 1", "form 2"),
        lambda text: text.upper(),
        lambda text: "",
        lambda text: "\ufffd" * 300,
    ],
)
def test_a_damaged_key_file_is_refused(tmp_path: Path, spoil: object) -> None:
    path = tmp_path / "writer.key"
    seed = make_key(path, KeyKind.WRITER)
    path.write_text(spoil(path.read_text()))  # type: ignore[operator]
    with pytest.raises(KeyFileRefused) as refused:
        load_key(path, KeyKind.WRITER)
    assert seed.hex() not in str(refused.value)


def test_a_key_file_is_never_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "writer.key"
    seed = make_key(path, KeyKind.WRITER)
    with pytest.raises(KeyFileRefused, match="never overwritten"):
        make_key(path, KeyKind.WRITER)
    assert load_key(path, KeyKind.WRITER) == seed


def test_a_missing_key_or_a_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(KeyFileRefused, match="can't be opened"):
        load_key(tmp_path / "none.key", KeyKind.WRITER)
    with pytest.raises(KeyFileRefused, match="not a regular file"):
        load_key(tmp_path, KeyKind.WRITER)
    with pytest.raises(KeyFileRefused, match="can't be created"):
        make_key(tmp_path / "no" / "folder.key", KeyKind.WRITER)


def test_a_key_is_synced_before_it_is_used_and_gone_if_it_cannot_be(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A key that signed something and was lost with the power could never be used again."""
    synced: list[int] = []
    monkeypatch.setattr(os, "fsync", synced.append)
    make_key(tmp_path / "one.key", KeyKind.WRITER)
    assert len(synced) == 2  # the file, and the folder that names it

    def broken(file: int) -> None:
        raise OSError(5, "input/output error")

    monkeypatch.setattr(os, "fsync", broken)
    with pytest.raises(KeyFileRefused, match="input/output error"):
        make_key(tmp_path / "two.key", KeyKind.WRITER)
    assert not (tmp_path / "two.key").exists()


def test_a_certificate_is_known_by_the_digest_of_what_the_connection_shows(tmp_path: Path) -> None:
    """Spec 7.1.2."""
    certificate, key = tmp_path / "tls.pem", tmp_path / "tls.key"
    digest = make_certificate(certificate, key)
    assert digest == certificate_digest(certificate) == check_certificate(certificate, key)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    with pytest.raises(KeyFileRefused, match="never overwritten"):
        make_certificate(certificate, key)
    assert digest != make_certificate(tmp_path / "other.pem", tmp_path / "other.key")
    key.chmod(0o644)
    with pytest.raises(KeyFileRefused, match="chmod 600"):
        check_certificate(certificate, key)
