"""Which signatures are valid, and what is signed. Spec: 3.2, 3.3.

Odd keys and signatures are built by `edwards`, apart from the core. Where a rule is there because
the library alone would accept, the test shows that it does.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from itertools import permutations
from pathlib import Path
from typing import Final

import pytest
from cryptography.exceptions import InternalError, InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from hypothesis import given
from hypothesis import strategies as st

from hutong_protocol import signatures
from hutong_protocol.curve import SMALL_ORDER_ENCODINGS
from hutong_protocol.faults import Fault, LocalProtocolError, ProtocolFault
from hutong_protocol.ids import EventId, OrgId, PublicKey, RecordId, WriterKey
from protocol import edwards

ROOT: Final = Path(__file__).resolve().parents[2]
SEED: Final = bytes(range(32))
KEY: Final = signatures.public_key(SEED)
SCALAR: Final = edwards.secret_scalar(SEED)
MESSAGE: Final = signatures.record_message(RecordId(bytes(32)))
SIGNATURE: Final = signatures.sign(SEED, MESSAGE)
TORSION: Final = edwards.torsion()


def library_accepts(key: bytes, message: bytes, signature: bytes) -> bool:
    try:
        Ed25519PublicKey.from_public_bytes(key).verify(signature, message)
    except (InvalidSignature, ValueError):
        return False
    return True


def with_s_plus(multiple: int, signature: bytes) -> bytes:
    s = int.from_bytes(signature[32:], "little") + multiple * edwards.L
    return signature[:32] + s.to_bytes(32, "little")


# Honest signatures


def test_the_test_values_of_the_specification_hold() -> None:
    """Spec: 3.1, 3.2."""
    assert KEY.hex() == "03a107bff3ce10be1d70dd18e74bc09967e4d6309ba50d5f1ddc8664125531b8"
    assert SIGNATURE.hex() == (
        "ca4270b482ab313e451f60f90f112b5d0a7041e265bf280cd7355f088fed3045"
        "e5d98fac84873daa62c8ac5b1788a37713fcf23d8207613f4896bee9fec5bc0c"
    )


@given(st.binary(min_size=32, max_size=32), st.binary(max_size=200))
def test_what_a_signer_signs_is_valid(seed: bytes, message: bytes) -> None:
    key = signatures.public_key(seed)
    signature = signatures.sign(seed, message)
    signatures.check_key(key)
    assert signatures.verify(key, message, signature)
    assert signatures.sign(seed, message) == signature


def test_a_second_valid_signature_of_one_message_is_valid_too() -> None:
    """Hard case 21, at this level: a signer may choose another R."""
    other = edwards.signature_with(12345, SCALAR, KEY, MESSAGE)
    assert other != SIGNATURE
    assert signatures.verify(KEY, MESSAGE, other)


def test_every_flipped_bit_of_a_signature_is_noticed() -> None:
    for bit in range(512):
        changed = (int.from_bytes(SIGNATURE, "little") ^ 1 << bit).to_bytes(64, "little")
        assert not signatures.verify(KEY, MESSAGE, changed)


def test_every_flipped_bit_of_a_message_is_noticed() -> None:
    size = len(MESSAGE)
    for bit in range(8 * size):
        changed = (int.from_bytes(MESSAGE, "little") ^ 1 << bit).to_bytes(size, "little")
        assert not signatures.verify(KEY, changed, SIGNATURE)


def test_every_flipped_bit_of_a_key_is_noticed() -> None:
    for bit in range(256):
        changed = (int.from_bytes(KEY, "little") ^ 1 << bit).to_bytes(32, "little")
        assert not signatures.verify(changed, MESSAGE, SIGNATURE)


# Signatures that libraries judge differently


@pytest.mark.parametrize("multiple", [1, 2, 7])
def test_s_plus_a_multiple_of_l_is_refused(multiple: int) -> None:
    """Hard case 20."""
    assert not signatures.verify(KEY, MESSAGE, with_s_plus(multiple, SIGNATURE))


class AcceptsEverything:
    """A library that checks nothing."""

    def verify(self, signature: bytes, message: bytes) -> None:
        pass


def test_the_cheap_rules_hold_even_if_the_library_accepts_everything(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Spec: 3.2.1 (a) to (d), each at its limit."""
    monkeypatch.setattr(signatures, "_load", lambda key: AcceptsEverything())
    highest = SIGNATURE[:32] + (edwards.L - 1).to_bytes(32, "little")
    assert signatures.verify(KEY, MESSAGE, highest)
    assert not signatures.verify(KEY, MESSAGE, SIGNATURE[:32] + edwards.L.to_bytes(32, "little"))
    assert not signatures.verify(KEY, MESSAGE, SIGNATURE[:32] + b"\xff" * 32)
    assert not signatures.verify(KEY, MESSAGE, SIGNATURE[:63])
    assert not signatures.verify(KEY, MESSAGE, SIGNATURE + b"\0")
    assert not signatures.verify(bytes(32), MESSAGE, SIGNATURE)
    for r in SMALL_ORDER_ENCODINGS:
        assert not signatures.verify(KEY, MESSAGE, r + bytes(32))


def test_r_the_neutral_point_is_refused_though_the_equation_holds() -> None:
    """Hard case 17; the one case in which the list of R decides. Spec: 3.2.3."""
    forged = edwards.signature_with(0, SCALAR, KEY, MESSAGE)
    assert forged[:32] == b"\1" + bytes(31)
    assert library_accepts(KEY, MESSAGE, forged)
    assert not signatures.verify(KEY, MESSAGE, forged)


@pytest.mark.parametrize("r", sorted(SMALL_ORDER_ENCODINGS), ids=bytes.hex)
def test_a_small_order_r_is_refused(r: bytes) -> None:
    """Hard case 17. S as the signer would choose it for this R."""
    s = edwards.challenge(r, KEY, MESSAGE) * SCALAR % edwards.L
    assert not signatures.verify(KEY, MESSAGE, r + s.to_bytes(32, "little"))


@pytest.mark.parametrize("number", range(1, 8))
def test_an_r_of_mixed_order_is_refused(number: int) -> None:
    """Hard case 17: the cofactored equation would hold."""
    forged = edwards.signature_with(777, SCALAR, KEY, MESSAGE, offset=TORSION[number])
    assert not signatures.verify(KEY, MESSAGE, forged)


@pytest.mark.parametrize("key", sorted(SMALL_ORDER_ENCODINGS), ids=bytes.hex)
def test_no_signature_is_valid_under_a_small_order_key(key: bytes) -> None:
    """Hard case 18, threat 29."""
    for nonce in (0, 1, 2):
        forged = edwards.signature_with(nonce, 0, key, MESSAGE)
        assert not signatures.verify(key, MESSAGE, forged)
    with pytest.raises(ProtocolFault) as caught:
        signatures.check_key(key)
    assert caught.value.fault is Fault.BAD_KEY


def test_the_library_alone_takes_one_signature_for_every_message_under_a_small_order_key() -> None:
    """Threat 29: why keys are checked at all."""
    key = b"\1" + bytes(31)
    forged = edwards.signature_with(5, 0, key, b"")
    assert all(library_accepts(key, message, forged) for message in (b"", b"a", MESSAGE))
    assert not signatures.verify(key, MESSAGE, forged)


@pytest.mark.parametrize("number", range(1, 8))
def test_no_signature_is_valid_under_a_key_of_mixed_order(number: int) -> None:
    """Hard case 17. For one message in eight or fewer the library alone accepts."""
    key = edwards.encoded(edwards.add(edwards.multiply(SCALAR, edwards.BASE), TORSION[number]))
    accepted = 0
    for counter in range(40):
        message = bytes([counter])
        forged = edwards.signature_with(9, SCALAR, key, message)
        accepted += library_accepts(key, message, forged)
        assert not signatures.verify(key, message, forged)
    assert 0 < accepted < 40


def test_a_key_off_the_curve_has_no_signature() -> None:
    """Hard case 19."""
    key = (2).to_bytes(32, "little")
    assert edwards.point_with(2, 0) is None
    assert not signatures.verify(key, MESSAGE, SIGNATURE)
    with pytest.raises(ProtocolFault) as caught:
        signatures.check_key(key)
    assert caught.value.fault is Fault.BAD_KEY


@pytest.mark.parametrize("length", [0, 1, 32, 63, 65, 128])
def test_a_signature_of_another_length_is_refused(length: int) -> None:
    assert not signatures.verify(KEY, MESSAGE, (SIGNATURE * 2)[:length])


@pytest.mark.parametrize("length", [0, 31, 33, 64])
def test_a_key_of_another_length_has_no_signature(length: int) -> None:
    assert not signatures.verify((KEY * 2)[:length], MESSAGE, SIGNATURE)


# No bytes raise


@given(st.binary(max_size=70), st.binary(max_size=70), st.binary(max_size=70))
def test_verify_gives_a_verdict_for_any_bytes(key: bytes, message: bytes, signature: bytes) -> None:
    assert signatures.verify(key, message, signature) is False


@given(st.binary(min_size=64, max_size=64))
def test_verify_gives_a_verdict_for_any_signature_under_a_valid_key(signature: bytes) -> None:
    assert signatures.verify(KEY, MESSAGE, signature) is (signature == SIGNATURE)


@pytest.mark.parametrize("error", [ValueError, InvalidSignature, lambda: InternalError("", [])])
def test_an_exception_of_the_library_means_not_valid(
    error: Callable[[], Exception], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Spec: 3.2.6."""

    def load(key: bytes) -> Ed25519PublicKey:
        raise error()

    monkeypatch.setattr(signatures, "_load", load)
    assert signatures.verify(KEY, MESSAGE, SIGNATURE) is False


def test_a_bad_key_comes_before_a_bad_signature() -> None:
    """Spec: 3.2.4."""
    signatures.require_signature(KEY, MESSAGE, SIGNATURE)
    for key, signature, fault in (
        (KEY, bytes(64), Fault.BAD_SIGNATURE),
        (bytes(32), SIGNATURE, Fault.BAD_KEY),
        (bytes(32), b"", Fault.BAD_KEY),
    ):
        with pytest.raises(ProtocolFault) as caught:
            signatures.require_signature(key, MESSAGE, signature)
        assert caught.value.fault is fault


def test_the_verdict_on_a_key_is_worked_out_once() -> None:
    key = signatures.public_key(bytes(31) + b"\7")
    signatures.check_key(key)
    before = signatures._flaw.cache_info()
    for _ in range(5):
        signatures.check_key(key)
        signatures.verify(key, MESSAGE, SIGNATURE)
    after = signatures._flaw.cache_info()
    assert after.misses == before.misses
    assert after.hits > before.hits
    assert after.maxsize is not None


@pytest.mark.parametrize("length", [0, 31, 33])
def test_a_seed_of_another_length_is_our_mistake(length: int) -> None:
    with pytest.raises(LocalProtocolError):
        signatures.public_key(bytes(length))
    with pytest.raises(LocalProtocolError):
        signatures.sign(bytes(length), MESSAGE)


# What is signed


A32, B32 = bytes([1]) * 32, bytes([2]) * 32
MESSAGES: Final = {
    "sign-record": signatures.record_message(RecordId(A32)),
    "sign-event": signatures.event_message(EventId(A32), KEY),
    "sign-possession": signatures.possession_message(OrgId(A32), WriterKey(KEY)),
    "sign-hello": signatures.hello_message(0, A32, WriterKey(KEY)),
    "sign-invite": signatures.invite_message(OrgId(A32), WriterKey(KEY), B32),
    "sign-join": signatures.join_message(OrgId(A32), WriterKey(KEY), B32),
}


def test_a_message_is_its_tag_and_its_fields() -> None:
    """Spec: 3.3.1, 3.3.4."""
    fields = {
        "sign-record": A32,
        "sign-event": A32 + KEY,
        "sign-possession": A32 + KEY,
        "sign-hello": b"\0" + A32 + KEY,
        "sign-invite": A32 + KEY + B32,
        "sign-join": A32 + KEY + B32,
    }
    for context, message in MESSAGES.items():
        assert message == b"hutong/1/" + context.encode() + b"\0" + fields[context]
    assert signatures.hello_message(1, A32, WriterKey(KEY))[len(b"hutong/1/sign-hello\0")] == 1


@pytest.mark.parametrize(("signed", "shown"), list(permutations(MESSAGES, 2)))
def test_a_signature_of_one_context_is_none_of_another(signed: str, shown: str) -> None:
    """Threat 30: every pair of contexts, with the same fields where they have the same shape."""
    signature = signatures.sign(SEED, MESSAGES[signed])
    assert signatures.verify(KEY, MESSAGES[signed], signature)
    assert not signatures.verify(KEY, MESSAGES[shown], signature)


def test_no_message_is_the_beginning_of_another() -> None:
    for one, other in permutations(MESSAGES.values(), 2):
        assert not other.startswith(one)


def test_a_signature_cannot_be_attributed_to_another_key_or_organisation() -> None:
    """Threat 31."""
    other = signatures.public_key(B32)
    for message, elsewhere in (
        (
            signatures.event_message(EventId(A32), KEY),
            signatures.event_message(EventId(A32), other),
        ),
        (
            signatures.possession_message(OrgId(A32), WriterKey(KEY)),
            signatures.possession_message(OrgId(B32), WriterKey(KEY)),
        ),
        (
            signatures.hello_message(0, A32, WriterKey(KEY)),
            signatures.hello_message(1, A32, WriterKey(KEY)),
        ),
        (
            signatures.invite_message(OrgId(A32), WriterKey(KEY), B32),
            signatures.invite_message(OrgId(A32), WriterKey(other), B32),
        ),
    ):
        signature = signatures.sign(SEED, message)
        assert signatures.verify(KEY, message, signature)
        assert not signatures.verify(KEY, elsewhere, signature)
        assert not signatures.verify(other, message, signature)


@pytest.mark.parametrize("length", [0, 31, 33])
def test_a_field_of_another_length_is_our_mistake(length: int) -> None:
    wrong = bytes(length)
    builders: tuple[Callable[[], bytes], ...] = (
        lambda: signatures.record_message(RecordId(wrong)),
        lambda: signatures.event_message(EventId(wrong), KEY),
        lambda: signatures.event_message(EventId(A32), PublicKey(wrong)),
        lambda: signatures.possession_message(OrgId(wrong), WriterKey(KEY)),
        lambda: signatures.hello_message(0, wrong, WriterKey(KEY)),
        lambda: signatures.invite_message(OrgId(A32), WriterKey(KEY), wrong),
        lambda: signatures.join_message(OrgId(A32), WriterKey(KEY), wrong),
    )
    for build in builders:
        with pytest.raises(LocalProtocolError):
            build()


def test_a_role_other_than_0_and_1_is_our_mistake() -> None:
    with pytest.raises(LocalProtocolError):
        signatures.hello_message(2, A32, WriterKey(KEY))


# The tables of contexts


def table_of(section: str) -> set[str]:
    """The first column of the table of contexts in a file of the specification."""
    text = (ROOT / "spec" / section).read_text(encoding="utf-8")
    rows = re.findall(r"^ +\| `([a-z0-9-]+)` \| .*\|$", text, re.MULTILINE)
    prefixes = {"org", "writer", "rec", "log", "event", "key"} if section.startswith("2") else set()
    found = set(rows)
    # The table of prefixes in 2.5 has rows of the same form; `event` stands in both.
    return found - prefixes | (found & {"event"})


def contexts_used(pattern: str, folder: Path, suffix: str) -> set[str]:
    return {
        context
        for path in folder.rglob(f"*{suffix}")
        for context in re.findall(pattern, path.read_text(encoding="utf-8"))
    }


def test_every_context_in_the_specification_stands_in_its_table() -> None:
    """Spec: 2.4.5, 3.3.4. The tables are complete, and nothing in them is unused."""
    hashed, signed = table_of("2-encoding.md"), table_of("3-signatures.md")
    used = contexts_used(r'H\("([a-z0-9-]+)"', ROOT / "spec", ".md")
    assert used <= hashed
    assert hashed - used <= {"text-id"}
    assert contexts_used(r'tag\("(sign-[a-z0-9-]+)"', ROOT / "spec", ".md") <= signed
    assert not hashed & signed
    assert all(context.startswith("sign-") for context in signed)
    assert not any(context.startswith("sign-") for context in hashed)
    assert all(re.fullmatch(r"[a-z0-9-]{1,32}", context) for context in hashed | signed)


def test_the_code_uses_the_contexts_of_the_specification_and_no_others() -> None:
    core = ROOT / "protocol" / "hutong_protocol"
    assert contexts_used(r'\bdigest\(\s*"([^"]+)"', core, ".py") <= table_of("2-encoding.md")
    tags = contexts_used(r'\btag\(\s*"([^"]+)"', core, ".py")
    assert tags <= table_of("2-encoding.md") | table_of("3-signatures.md")
    assert {context for context in tags if context.startswith("sign-")} == set(MESSAGES)
    assert set(MESSAGES) == table_of("3-signatures.md")
