"""The digest tree: free of order, equal piece by piece and from scratch, changed by every entry."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hutong_protocol.encoding import encode
from hutong_protocol.faults import LocalProtocolError
from hutong_protocol.tree import (
    BUCKETS,
    EMPTY,
    FANOUT,
    LEAF_ENTRIES_MAX,
    bucket_hash,
    bucket_of,
    log_entry,
    node_hash,
    org_entry,
    root_hash,
    scope_root,
    shared_root,
)
from protocol.record_samples import bytes_of, other_context

SCOPE = ("xian-2021", "hea")


def crowded(count: int, bucket: int = 7) -> list[bytes]:
    """Entries of one bucket."""
    start = (bucket << 4).to_bytes(2, "big")
    ids = [start + bytes_of(f"crowd {number}", 30) for number in range(count)]
    return [log_entry(each, [bytes_of(f"head {n}")]) for n, each in enumerate(ids)]


ids = st.one_of(
    st.binary(min_size=32, max_size=32),
    # Many in few buckets, some of which are split.
    st.builds(
        lambda first, rest: bytes([first]) + rest,
        st.sampled_from([0, 1, 255]),
        st.binary(min_size=31, max_size=31),
    ),
)
entries = st.builds(
    lambda identifier, heads: log_entry(identifier, heads),
    ids,
    st.lists(st.binary(min_size=32, max_size=32), max_size=4, unique=True),
) | st.builds(org_entry, ids, st.binary(min_size=32, max_size=32))


class Incremental:
    """A tree as a store keeps it: hashes of buckets and nodes, renewed where an entry changes."""

    def __init__(self) -> None:
        self.entries: dict[int, set[bytes]] = {}
        self.buckets = [EMPTY] * BUCKETS
        self.nodes = [EMPTY] * FANOUT

    def change(self, *, remove: bytes | None = None, add: bytes | None = None) -> None:
        for entry in (remove, add):
            if entry is None:
                continue
            number = bucket_of(entry[1:33])
            members = self.entries.setdefault(number, set())
            (members.discard if entry == remove else members.add)(entry)
            self.buckets[number] = bucket_hash(members)
            node = number // FANOUT
            level = self.buckets[node * FANOUT : (node + 1) * FANOUT]
            self.nodes[node] = node_hash(b"".join(level))

    @property
    def root(self) -> bytes:
        return root_hash(*SCOPE, b"".join(self.nodes))


@given(st.lists(entries, max_size=12, unique=True), st.data())
def test_piece_by_piece_and_from_scratch_are_equal_in_any_order(
    found: list[bytes], data: st.DataObject
) -> None:
    tree = Incremental()
    for entry in data.draw(st.permutations(found)):
        tree.change(add=entry)
    assert tree.root == scope_root(*SCOPE, found) == scope_root(*SCOPE, reversed(found))
    if found:
        gone = data.draw(st.sampled_from(found))
        tree.change(remove=gone)
        rest = [entry for entry in found if entry != gone]
        assert tree.root == scope_root(*SCOPE, rest) != scope_root(*SCOPE, found)


@pytest.mark.parametrize("count", [0, 1, 63, 64, 65, 66, 200])
def test_a_bucket_that_grows_and_shrinks_is_split_and_joined_again(count: int) -> None:
    found = crowded(count)
    tree = Incremental()
    for entry in found:
        tree.change(add=entry)
    assert tree.root == scope_root(*SCOPE, found)
    more = crowded(count + 1)[-1]
    tree.change(add=more)
    tree.change(remove=more)
    assert tree.root == scope_root(*SCOPE, found)
    if 0 < count <= LEAF_ENTRIES_MAX:
        assert bucket_hash(found) == other_context("leaf", b"".join(sorted(found)))


def test_a_split_bucket_hashes_64_sub_leaves_by_the_next_six_bits() -> None:
    found = crowded(65)
    leaves = []
    for number in range(64):
        members = sorted(
            entry for entry in found if (int.from_bytes(entry[1:4], "big") >> 6) % 64 == number
        )
        leaves.append(other_context("leaf", b"".join(members)) if members else bytes(32))
    assert bucket_hash(found) == other_context("node", b"".join(leaves))


def test_an_empty_scope_has_a_root_that_names_it() -> None:
    expected = hashlib.sha256(b"hutong/1/root\0" + encode([*SCOPE]) + bytes(64 * 32)).digest()
    assert scope_root(*SCOPE, []) == expected
    assert scope_root("hea", "xian-2021", []) != expected


def test_an_id_stands_in_the_bucket_of_its_first_twelve_bits() -> None:
    assert bucket_of(bytes(32)) == 0
    assert bucket_of(b"\x00\x0f" + bytes(30)) == 0
    assert bucket_of(b"\x00\x10" + bytes(30)) == 1
    assert bucket_of(b"\xab\xcd" + bytes(30)) == 0xABC
    assert bucket_of(b"\xff" * 32) == BUCKETS - 1


def test_an_entry_shows_its_heads_sorted_or_that_there_are_too_many() -> None:
    """Hard case 31: a shattered log has one entry, whatever its heads."""
    log, heads = bytes_of("log"), [bytes_of(f"head {number}") for number in range(4)]
    assert log_entry(log, heads) == b"\0" + log + b"\4" + b"".join(sorted(heads))
    assert log_entry(log, []) == b"\0" + log + b"\xff"
    assert org_entry(log, heads[0]) == b"\1" + log + b"\1" + heads[0]


@pytest.mark.parametrize("change", range(4))
def test_another_head_is_another_root(change: int) -> None:
    """Hard case 28: equal seqs don't hide a fork, since only ids are in the tree."""
    heads = [bytes_of(f"head {number}") for number in range(4)]
    other = [*heads[:change], bytes_of("another"), *heads[change + 1 :]]
    log = bytes_of("log")
    roots = {scope_root(*SCOPE, [log_entry(log, each)]) for each in (heads, other, heads[:3])}
    assert len(roots) == 3


def test_the_shared_root_is_over_the_scopes_in_their_order() -> None:
    one, two = bytes_of("root 1"), bytes_of("root 2")
    assert shared_root([one, two]) == other_context("roots", one + two)
    assert shared_root([one, two]) != shared_root([two, one])


@pytest.mark.parametrize(
    "heads",
    [[bytes(31)], [bytes([n]) * 32 for n in range(5)], [bytes(32), bytes(32)], [b""]],
)
def test_heads_that_no_log_can_have_are_our_own_mistake(heads: list[bytes]) -> None:
    with pytest.raises(LocalProtocolError):
        log_entry(bytes(32), heads)


def test_hashes_of_another_length_are_our_own_mistake() -> None:
    with pytest.raises(LocalProtocolError):
        log_entry(bytes(33), [bytes(32)])
    with pytest.raises(LocalProtocolError):
        org_entry(bytes(32), bytes(31))
    with pytest.raises(LocalProtocolError):
        node_hash(bytes(2_047))
    with pytest.raises(LocalProtocolError):
        root_hash(*SCOPE, bytes(2_049))
    with pytest.raises(LocalProtocolError):
        shared_root([bytes(31)])
