"""The encrypted file of a backup: whatever is changed in it, nothing of it is taken for whole."""

from __future__ import annotations

import io
import random
from pathlib import Path

import pytest

from hutong_node.backup.container import (
    HEAD_BYTES,
    PIECE_BYTES,
    TAG_BYTES,
    TITLE,
    Opener,
    Sealer,
    sealed_bytes,
)
from hutong_node.backup.packing import PackedFile, PackingList, pack, unpack
from hutong_node.backup.passphrase import given_phrase, phrase_bytes, require_strong
from hutong_node.refusals import Code, Refused
from node.backup_steps import quiet

PHRASE = b"a pass phrase for tests"
SEALED_PIECE = PIECE_BYTES + TAG_BYTES


def sealed(clear: bytes) -> bytes:
    out = io.BytesIO()
    sealer = Sealer(out, PHRASE)
    for at in range(0, len(clear), 100_001):
        sealer.write(clear[at : at + 100_001])
    sealer.finish()
    return out.getvalue()


def opened(content: bytes, length: int, phrase: bytes = PHRASE) -> bytes:
    opener = Opener(io.BytesIO(content), phrase)
    clear = b"".join(opener.read(min(77_777, length - at)) for at in range(0, length, 77_777))
    opener.finish()
    return clear


def code_of(content: bytes, length: int, phrase: bytes = PHRASE) -> Code:
    with pytest.raises(Refused) as refused:
        opened(content, length, phrase)
    assert refused.value.way_out
    return refused.value.code


@pytest.mark.parametrize(
    "length", [0, 1, PIECE_BYTES - 1, PIECE_BYTES, PIECE_BYTES + 1, 3 * PIECE_BYTES + 5]
)
def test_what_was_sealed_is_opened_and_as_long_as_said(length: int) -> None:
    clear = random.Random(length).randbytes(length)
    content = sealed(clear)
    assert len(content) == sealed_bytes(length)
    assert opened(content, length) == clear
    assert length < 64 or clear[:64] not in content


def test_the_same_bytes_are_sealed_otherwise_each_time() -> None:
    first, second = sealed(b"x" * 100), sealed(b"x" * 100)
    assert first[:22] == second[:22] == TITLE
    assert first[22:38] != second[22:38]
    assert first[HEAD_BYTES:] != second[HEAD_BYTES:]


def test_no_flipped_bit_is_opened() -> None:
    """In the head, in the tags, at both sides of every border, and at random places."""
    clear = random.Random(2).randbytes(2 * PIECE_BYTES + 9)
    content = sealed(clear)
    borders = [HEAD_BYTES + number * SEALED_PIECE for number in range(3)]
    places = {
        0,
        21,
        22,
        37,
        38,
        69,
        len(content) - 1,
        *(b + off for b in borders for off in (-1, 0)),
    }
    places |= set(random.Random(3).sample(range(len(content)), 12))
    for place in sorted(places):
        changed = bytearray(content)
        changed[place] ^= 1 << place % 8
        expected = {Code.BACKUP_DAMAGED, Code.NEWER_VERSION, Code.WRONG_PASS_PHRASE}
        found = code_of(bytes(changed), len(clear))
        assert found in expected
        assert found is Code.BACKUP_DAMAGED or place < HEAD_BYTES


def test_no_file_that_ends_early_is_opened() -> None:
    """Also where it ends between two pieces, which is where each of them is right by itself."""
    clear = random.Random(4).randbytes(2 * PIECE_BYTES + 9)
    content = sealed(clear)
    ends = {0, 21, 30, HEAD_BYTES, HEAD_BYTES + 5, len(content) - 1, len(content) - 25}
    ends |= {HEAD_BYTES + number * SEALED_PIECE for number in (1, 2)}
    for end in sorted(ends):
        assert code_of(content[:end], len(clear)) is Code.BACKUP_DAMAGED
    # Nor is a piece given that was not the last when it was sealed, whoever wants no more than it.
    opener = Opener(io.BytesIO(content[: HEAD_BYTES + SEALED_PIECE]), PHRASE)
    with pytest.raises(Refused):
        opener.read(1)


def test_pieces_that_were_moved_repeated_left_out_or_added_are_not_opened() -> None:
    clear = bytes(3 * PIECE_BYTES) + b"end"
    content = sealed(clear)
    head, body = content[:HEAD_BYTES], content[HEAD_BYTES:]
    pieces = [body[at : at + SEALED_PIECE] for at in range(0, len(body), SEALED_PIECE)]
    one, two, three, last = pieces
    other = sealed(clear)[HEAD_BYTES:][:SEALED_PIECE]
    for order in (
        [two, one, three, last],
        [one, one, two, three, last],
        [one, three, last],
        [one, two, three, last, last],
        [one, two, three, last[:5], last[5:], b"x"],
        [one, two, last, three],
        [other, two, three, last],
    ):
        assert code_of(head + b"".join(order), len(clear)) is Code.BACKUP_DAMAGED


def test_a_file_that_holds_more_than_its_list_says_is_not_opened() -> None:
    content = sealed(b"x" * 10)
    opener = Opener(io.BytesIO(content), PHRASE)
    opener.read(9)
    with pytest.raises(Refused) as refused:
        opener.finish()
    assert refused.value.code is Code.BACKUP_DAMAGED


def test_wrong_pass_phrase_is_told_from_a_damaged_file() -> None:
    content = sealed(b"x")
    assert code_of(content, 1, b"another pass phrase") is Code.WRONG_PASS_PHRASE
    assert code_of(b"hutong backup, form 7\n" + content[22:], 1) is Code.NEWER_VERSION
    assert code_of(b"PK\3\4" + content[4:], 1) is Code.BACKUP_DAMAGED


@pytest.mark.parametrize(
    "phrase", ["", "short", "aaaaaaaaaaaaaaaaaaaa", "abababababab", "密码密码密"]
)
def test_a_pass_phrase_that_can_be_guessed_is_refused(phrase: str) -> None:
    with pytest.raises(Refused) as refused:
        require_strong(phrase)
    words = (refused.value.title, refused.value.detail, refused.value.way_out)
    assert not phrase or not any(phrase in told for told in words)


@pytest.mark.parametrize(
    "phrase", ["twelve chars", "胡同里的老槐树", "correct horse battery staple"]
)
def test_a_pass_phrase_of_some_length_is_taken(phrase: str) -> None:
    require_strong(phrase)
    assert phrase_bytes(phrase).decode() == phrase


def test_the_same_letters_typed_in_two_ways_are_one_pass_phrase() -> None:
    assert phrase_bytes("caf\u00e9") == phrase_bytes("cafe\u0301")


def test_a_pass_phrase_file_must_be_for_its_owner_only(tmp_path: Path) -> None:
    file = tmp_path / "phrase"
    file.write_text("correct horse battery staple\n")
    file.chmod(0o644)
    with pytest.raises(Refused, match="can't be read") as refused:
        given_phrase(file)
    assert "chmod 600" in refused.value.detail
    file.chmod(0o600)
    assert given_phrase(file) == "correct horse battery staple"
    file.write_bytes(b"\xff\xfe")
    with pytest.raises(Refused):
        given_phrase(file)


def packed(root: Path, names: list[str]) -> bytes:
    """A container with a list of these names, all of one file."""
    files = []
    for name in names:
        files.append(PackedFile(name=name, size=7, sha256="0" * 64))
        target = root / "source" / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(b"content")
    packing = PackingList(
        made_ms=1,
        version="1",
        org="00" * 32,
        schema_number=1,
        records=0,
        own_logs=0,
        governing=False,
        files=tuple(files),
    )
    out = io.BytesIO()
    pack(out, PHRASE, root / "source", packing, quiet)
    return out.getvalue()


def test_a_file_that_is_not_as_the_list_says_is_refused(tmp_path: Path) -> None:
    content = packed(tmp_path, ["hutong.toml"])
    with pytest.raises(Refused, match=r"hutong.toml in the backup") as refused:
        unpack(io.BytesIO(content), PHRASE, quiet)
    assert refused.value.code is Code.BACKUP_DAMAGED


@pytest.mark.parametrize(
    "name", ["restore-marker", "index.db", "keys/a/b", "keys/.x", "../hutong.toml", "other"]
)
def test_names_that_are_no_files_of_a_node_are_never_written(tmp_path: Path, name: str) -> None:
    """Also for whoever knows the pass phrase; a marker of elsewhere least of all."""
    content = packed(tmp_path, [name])
    into = tmp_path / "into"
    into.mkdir()
    with pytest.raises(Refused) as refused:
        unpack(io.BytesIO(content), PHRASE, quiet, into=lambda _: lambda name: into / name)
    assert refused.value.code is Code.NEWER_VERSION
    assert list(into.iterdir()) == []
