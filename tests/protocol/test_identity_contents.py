"""Rights of a delegation: which scopes they cover."""

from __future__ import annotations

import pytest

from hutong_protocol.identity_contents import covers, space_right
from hutong_protocol.identity_events import Rights
from protocol.identity_actors import ALL

SALT = bytes(range(16))
HIDDEN = Rights((space_right(SALT, "xian-2021"),), ("base", "fsc"), True, True, False)


@pytest.mark.parametrize(
    ("given_rights", "space", "topic", "salt", "covered"),
    [
        (ALL, "xian-2021", "fsc", None, True),
        (ALL, "xian-2021", "fsc", SALT, True),
        (HIDDEN, "xian-2021", "fsc", SALT, True),
        (HIDDEN, "xian-2021", "fsc", None, False),
        (HIDDEN, "xian-2021", "fsc", bytes(16), False),
        (HIDDEN, "xian-2021", "hea", SALT, False),
        (HIDDEN, "wuhan-2020", "fsc", SALT, False),
    ],
)
def test_rights_cover_what_they_list(
    given_rights: Rights, space: str, topic: str, salt: bytes | None, covered: bool
) -> None:
    """Hard case 46."""
    assert covers(given_rights, space, topic, salt) is covered


def test_a_longer_salt_cannot_lend_a_space_the_hash_of_another() -> None:
    """The hash is over salt and name without a separator, so the salt's length must be fixed."""
    assert space_right(SALT + b"xi", "an-2021") == space_right(SALT, "xian-2021")
    assert not covers(HIDDEN, "an-2021", "fsc", SALT + b"xi")
