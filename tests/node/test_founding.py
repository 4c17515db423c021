"""A new organisation: everything private stays private, nothing is ever overwritten."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from hutong_node.clock import SystemClock
from hutong_node.config import Config, ConfigRefused, DataFolder, load_config
from hutong_node.founding import FoundingRefused, found, load_identity
from hutong_node.keys import KeyFileRefused
from hutong_protocol.signatures import record_message, verify

CONFIG = Config(organisation='西安 "SWA"\\')


@pytest.fixture
def folder(tmp_path: Path) -> DataFolder:
    return DataFolder(tmp_path / "node")


def test_identity_is_loaded_as_it_was_made_and_signs(folder: DataFolder) -> None:
    made = found(folder, CONFIG, SystemClock())
    loaded = load_identity(folder)
    assert loaded == made
    message = record_message(bytes(32))  # type: ignore[arg-type]
    assert verify(made.writer, message, loaded.sign(message))
    assert load_config(folder) == CONFIG


def test_every_private_file_is_for_its_owner_only(folder: DataFolder) -> None:
    """Threat 28."""
    found(folder, CONFIG, SystemClock())
    private = [*folder.keys.iterdir(), folder.certificate_key, folder.token]
    assert len(private) == 6
    assert {stat.S_IMODE(file.stat().st_mode) for file in private} == {0o600}
    assert stat.S_IMODE(folder.keys.stat().st_mode) == 0o700


def test_readable_key_is_refused_with_the_command_that_mends_it(folder: DataFolder) -> None:
    found(folder, CONFIG, SystemClock())
    key = folder.keys / "writer.key"
    key.chmod(0o640)
    with pytest.raises(KeyFileRefused, match="chmod 600"):
        load_identity(folder)


def test_second_init_and_foreign_folder_are_refused_and_untouched(tmp_path: Path) -> None:
    folder = DataFolder(tmp_path / "node")
    made = found(folder, CONFIG, SystemClock())
    with pytest.raises(FoundingRefused, match="already"):
        found(folder, CONFIG, SystemClock())
    assert load_identity(folder) == made
    other = DataFolder(tmp_path / "other")
    other.root.mkdir()
    (other.root / "letter.txt").write_text("mine")
    with pytest.raises(FoundingRefused, match="isn't empty"):
        found(other, CONFIG, SystemClock())
    assert [file.name for file in other.root.iterdir()] == ["letter.txt"]


def test_identity_of_another_node_is_noticed(tmp_path: Path) -> None:
    one, two = DataFolder(tmp_path / "one"), DataFolder(tmp_path / "two")
    found(one, CONFIG, SystemClock())
    found(two, CONFIG, SystemClock())
    (one.root / "identity.json").write_bytes((two.root / "identity.json").read_bytes())
    with pytest.raises(FoundingRefused, match="another node"):
        load_identity(one)


def test_unknown_key_in_the_configuration_is_named_with_its_line(folder: DataFolder) -> None:
    found(folder, CONFIG, SystemClock())
    text = folder.config.read_text(encoding="utf-8")
    folder.config.write_text(text.replace("credit = 8", "creditt = 8"), encoding="utf-8")
    line = text.splitlines().index("credit = 8") + 1
    with pytest.raises(ConfigRefused, match=f"line {line}: policy.creditt: unknown key"):
        load_config(folder)


def test_folder_without_a_node_says_how_to_make_one(folder: DataFolder) -> None:
    with pytest.raises(ConfigRefused, match="hutong init"):
        load_config(folder)
