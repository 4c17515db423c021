"""What `hutong backup` refuses: damaged files, unsound nodes, newer versions, folders in use."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from hutong_node.config import DataFolder
from hutong_node.refusals import Code, Refused
from node.backup_steps import (
    PHRASE,
    asked,
    backed_up,
    change,
    checked,
    clear_files,
    furnished,
    hutong,
    new_folder,
    restored,
)


@pytest.fixture
def folder(tmp_path: Path) -> DataFolder:
    return furnished(tmp_path / "node")


def test_refusals_say_what_is_wrong_and_what_to_do(folder: DataFolder, tmp_path: Path) -> None:
    data = ("--data", str(folder.root))
    file = tmp_path / "b"

    def refused(*args: str, phrase: str = PHRASE) -> tuple[int, str]:
        result = hutong("backup", *args, "--json", phrase=phrase)
        told = json.loads(result.stdout)
        assert told["way_out"]
        assert told["title"]
        return result.exit_code, told["code"]

    assert asked("backup", "create", str(file), *data)["verified"]
    before = file.read_bytes()
    assert refused("create", str(file), *data) == (1, "cannot-back-up")
    assert file.read_bytes() == before
    assert refused("create", str(tmp_path / "no" / "b"), *data) == (1, "cannot-back-up")
    assert refused("create", str(folder.root / "b"), *data) == (1, "cannot-back-up")
    assert refused("create", str(tmp_path / "c"), "--data", str(tmp_path)) == (2, "no-node")
    assert refused("verify", str(tmp_path / "none")) == (1, "cannot-put-back")
    assert refused("verify", str(file), phrase="no such phrase at all") == (1, "wrong-pass-phrase")
    assert refused("verify", str(folder.config)) == (1, "backup-damaged")
    assert refused("restore", str(file), *data) == (1, "cannot-put-back")
    other = tmp_path / "other"
    other.mkdir()
    (other / "letter.txt").write_text("x")
    assert refused("restore", str(file), "--data", str(other)) == (1, "cannot-put-back")
    assert clear_files(other) == ["letter.txt"]
    assert refused("restore", str(file), "--data", str(folder.config)) == (1, "cannot-put-back")
    assert clear_files(tmp_path) == sorted(
        ["b", "other/letter.txt", *(f"node/{name}" for name in clear_files(folder.root))]
    )


def test_damaged_file_and_wrong_phrase_leave_no_folder_behind(
    folder: DataFolder, tmp_path: Path
) -> None:
    backed_up(folder, tmp_path / "b")
    content = bytearray((tmp_path / "b").read_bytes())
    content[len(content) // 2] ^= 1
    (tmp_path / "c").write_bytes(content)
    empty = tmp_path / "empty"
    empty.mkdir()
    for target in (tmp_path / "new", empty):
        result = hutong("backup", "restore", str(tmp_path / "c"), "--data", str(target))
        assert (result.exit_code, "is damaged" in result.stderr) == (1, True)
        wrong = hutong(
            "backup", "restore", str(tmp_path / "b"), "--data", str(target), phrase="wrong phrase 1"
        )
        assert wrong.exit_code == 1
    assert not (tmp_path / "new").exists()
    assert list(empty.iterdir()) == []
    assert hutong("init", "x", "--data", str(empty)).exit_code == 0


def test_store_whose_records_are_not_as_signed_is_found_out(
    folder: DataFolder, tmp_path: Path
) -> None:
    """A sound file of an unsound store: found at once, by `verify`, and by `restore`."""
    change(folder.database, "UPDATE seals SET signature = zeroblob(64)")
    refused = hutong("backup", "create", str(tmp_path / "b"), "--data", str(folder.root))
    assert (refused.exit_code, "bad-signature" in refused.stderr) == (1, True)
    assert clear_files(tmp_path) == [f"node/{name}" for name in clear_files(folder.root)]
    backed_up(folder, tmp_path / "b", read_back=False)
    for attempt in (
        lambda: checked(tmp_path / "b", tmp_path),
        lambda: restored(tmp_path / "b", tmp_path / "again"),
    ):
        with pytest.raises(Refused, match="not as they were signed") as found:
            attempt()
        assert found.value.code is Code.BACKUP_DAMAGED
        assert "大米" not in found.value.detail
    assert not (tmp_path / "again").exists()


def test_key_that_is_not_of_the_identity_is_found_out(folder: DataFolder, tmp_path: Path) -> None:
    other = new_folder(tmp_path / "other")
    (folder.keys / "writer.key").write_bytes((other.keys / "writer.key").read_bytes())
    with pytest.raises(Refused) as found:
        backed_up(folder, tmp_path / "b")
    assert found.value.code is Code.CANNOT_BACK_UP
    (folder.keys / "writer.key").chmod(0o644)
    with pytest.raises(Refused, match="key can't be used"):
        backed_up(folder, tmp_path / "b")
    assert not (tmp_path / "b").exists()


def test_certificate_without_its_key_is_found_out(folder: DataFolder, tmp_path: Path) -> None:
    other = new_folder(tmp_path / "other")
    folder.certificate_key.write_bytes(other.certificate_key.read_bytes())
    with pytest.raises(Refused, match="private key don't fit"):
        backed_up(folder, tmp_path / "b")


def test_backup_of_a_newer_version_is_refused_in_words(folder: DataFolder, tmp_path: Path) -> None:
    change(folder.database, "INSERT INTO schema_version VALUES (99, '0099_more.sql', 'x')")
    backed_up(folder, tmp_path / "b", read_back=False)
    result = hutong("backup", "restore", str(tmp_path / "b"), "--data", str(tmp_path / "again"))
    assert result.exit_code == 1
    assert "newer version of hutong" in result.stderr
    assert "schema 99" in result.stderr
    assert not (tmp_path / "again").exists()


def test_folder_that_lost_its_records_is_not_backed_up(folder: DataFolder, tmp_path: Path) -> None:
    """An empty backup that takes the place of a good one is worse than none."""
    folder.database.unlink()
    with pytest.raises(Refused, match="records of this node are gone"):
        backed_up(folder, tmp_path / "b")
