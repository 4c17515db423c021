"""The file of a backup: a stream of bytes under a pass phrase, in pieces that can't be rearranged.

Owns the form. A title, a salt of 16 bytes, a check of 32; then pieces of 262,144 bytes, the last
shorter or as long, each with its tag of 16. Argon2id (64 MiB, 3 passes, 1 lane) makes two keys of
pass phrase and salt: one for the check, HMAC-SHA256 of title and salt, which tells a wrong pass
phrase from a damaged file, and one for the pieces: ChaCha20-Poly1305 whose nonce is the number of
the piece (11 bytes) and whether it is the last (1 byte). A piece that was changed, moved, repeated
or left out, and a file that ends early or goes on, don't open (threat 28; age does the same).

Memory is a few pieces, whatever the size. It knows nothing of what the bytes mean.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from typing import BinaryIO, Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

from hutong_node.refusals import Code, Refused

TITLE: Final = b"hutong backup, form 1\n"
_ANY_TITLE: Final = b"hutong backup, form "
_SALT_BYTES: Final = 16
_CHECK_BYTES: Final = 32
_KEY_BYTES: Final = 32
HEAD_BYTES: Final = len(TITLE) + _SALT_BYTES + _CHECK_BYTES
PIECE_BYTES: Final = 262_144
TAG_BYTES: Final = 16
_MEMORY_KIB: Final = 65_536
_PASSES: Final = 3


def sealed_bytes(clear: int) -> int:
    """How long the file of so many bytes is."""
    pieces = max(1, -(-clear // PIECE_BYTES))
    return HEAD_BYTES + clear + pieces * TAG_BYTES


class Sealer:
    """Writes a container. What was written is worth nothing before `finish`."""

    def __init__(self, out: BinaryIO, phrase: bytes) -> None:
        """Takes a fifth of a second and 64 MiB, on purpose."""
        start = TITLE + secrets.token_bytes(_SALT_BYTES)
        check, key = _keys(phrase, start)
        self._out = out
        self._cipher = ChaCha20Poly1305(key)
        self._number = 0
        self._waiting = bytearray()
        out.write(start + check)

    def write(self, data: bytes) -> None:
        """Adds bytes."""
        self._waiting += data
        while len(self._waiting) > PIECE_BYTES:  # the last piece must be known as the last
            self._put(bytes(self._waiting[:PIECE_BYTES]), last=False)
            del self._waiting[:PIECE_BYTES]

    def finish(self) -> None:
        """Writes the last piece; the file is whole then."""
        self._put(bytes(self._waiting), last=True)
        self._waiting.clear()

    def _put(self, piece: bytes, *, last: bool) -> None:
        self._out.write(self._cipher.encrypt(_nonce(self._number, last=last), piece, None))
        self._number += 1


class Opener:
    """Reads a container. Nothing of a piece is given before its tag was found right."""

    def __init__(self, stream: BinaryIO, phrase: bytes) -> None:
        """As `Sealer`.

        Raises:
            Refused: BACKUP_DAMAGED if it is none, NEWER_VERSION, or WRONG_PASS_PHRASE.
        """
        head = stream.read(HEAD_BYTES)
        if not head.startswith(TITLE):
            raise _no_container(head)
        if len(head) < HEAD_BYTES:
            raise damaged(len(head))
        start, check = head[:-_CHECK_BYTES], head[-_CHECK_BYTES:]
        expected, key = _keys(phrase, start)
        if not hmac.compare_digest(check, expected):
            raise Refused(
                Code.WRONG_PASS_PHRASE,
                "the pass phrase is not the one of this backup",
                detail="or the first hundred bytes of the file were changed",
                way_out="mind capitals, blanks and the keyboard; there is no other way in",
            )
        self._stream = stream
        self._cipher = ChaCha20Poly1305(key)
        self._number = 0
        self._ahead = stream.read(PIECE_BYTES + TAG_BYTES)
        self._clear = memoryview(b"")
        self._ended = False

    def read(self, length: int) -> bytes:
        """Exactly so many bytes.

        Raises:
            Refused: BACKUP_DAMAGED.
        """
        found = bytearray()
        while len(found) < length:
            if not self._clear:
                self._open_piece()
            taken = self._clear[: length - len(found)]
            found += taken
            self._clear = self._clear[len(taken) :]
        return bytes(found)

    def finish(self) -> None:
        """Makes sure that nothing is left.

        Raises:
            Refused: BACKUP_DAMAGED.
        """
        if not self._ended and not self._clear:
            self._open_piece()
        if self._clear or not self._ended:
            raise damaged(self._place())

    def _open_piece(self) -> None:
        if self._ended:
            raise damaged(self._place())
        sealed, self._ahead = self._ahead, self._stream.read(PIECE_BYTES + TAG_BYTES)
        last = not self._ahead
        try:
            clear = self._cipher.decrypt(_nonce(self._number, last=last), sealed, None)
        except InvalidTag:
            raise damaged(self._place()) from None
        self._clear = memoryview(clear)
        self._ended = last
        self._number += 1

    def _place(self) -> int:
        return HEAD_BYTES + self._number * (PIECE_BYTES + TAG_BYTES)


def damaged(place: int) -> Refused:
    """The refusal of a file whose bytes from `place` on are not those that were written."""
    return Refused(
        Code.BACKUP_DAMAGED,
        "the backup is damaged: it ends early, or bytes of it were changed",
        detail=f"from byte {place} on it is not what was written",
        way_out="use another copy of the file or an older backup; this one can't be put back",
    )


def _no_container(head: bytes) -> Refused:
    if head.startswith(_ANY_TITLE) and len(head) == HEAD_BYTES:
        return Refused(
            Code.NEWER_VERSION,
            "the backup has a form that this version doesn't know",
            way_out="use the version of hutong that made it, or a newer one",
        )
    return Refused(
        Code.BACKUP_DAMAGED,
        "the file is no backup of a node",
        way_out="name the file that `hutong backup create` wrote",
    )


def _nonce(number: int, *, last: bool) -> bytes:
    return number.to_bytes(11, "big") + bytes([last])


def _keys(phrase: bytes, start: bytes) -> tuple[bytes, bytes]:
    """The check of a head that begins with `start`, and the key of the pieces."""
    made = Argon2id(
        salt=start[len(TITLE) :],
        length=2 * _KEY_BYTES,
        iterations=_PASSES,
        lanes=1,
        memory_cost=_MEMORY_KIB,
    ).derive(phrase)
    check = hmac.new(made[:_KEY_BYTES], start, hashlib.sha256).digest()
    return check, made[_KEY_BYTES:]
