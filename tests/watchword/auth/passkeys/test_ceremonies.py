"""The two ceremonies of WebAuthn: the options, and that only the right answer is accepted."""

from __future__ import annotations

import hashlib
import json
from contextlib import suppress
from typing import Any

import cbor2
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from hypothesis import given
from hypothesis import strategies as st

from tests.support.authenticator import PRESENT, VERIFIED, Authenticator, decode, encode
from watchword.auth.passkeys import ceremonies
from watchword.auth.passkeys.ceremonies import PasskeyRefused
from watchword.auth.passkeys.relying_party import RelyingParty

ORIGIN = "https://watchword.example"
PARTY = RelyingParty("watchword.example", (ORIGIN, "https://app.example"))
CHALLENGE = b"c" * 32
CREATION = ceremonies.creation_options(PARTY, "account", "a@x", "Alice", ["AAAA"], CHALLENGE)
REQUEST = ceremonies.request_options(PARTY, [], CHALLENGE)


def register(device: Authenticator, **twist: Any) -> ceremonies.Registered:
    return ceremonies.registered(device.create(CREATION, **twist), CHALLENGE, PARTY)


def use(device: Authenticator, **twist: Any) -> int:
    answer = ceremonies.assertion(device.get(REQUEST, **twist))
    return ceremonies.check_assertion(answer, CHALLENGE, PARTY, device.public_key)


def test_a_passkey_is_asked_for_that_is_discoverable_and_verifies_its_user() -> None:
    assert CREATION["rp"] == {"id": "watchword.example", "name": "watchword.example"}
    assert CREATION["user"] == {
        "id": encode(b"account"),
        "name": "a@x",
        "displayName": "Alice",
    }
    assert CREATION["authenticatorSelection"] == {
        "residentKey": "required",
        "requireResidentKey": True,
        "userVerification": "required",
    }
    assert CREATION["attestation"] == "none"
    assert [each["id"] for each in CREATION["excludeCredentials"]] == ["AAAA"]
    assert decode(CREATION["challenge"]) == CHALLENGE


def test_a_sign_in_names_nobody() -> None:
    assert {
        "challenge": encode(CHALLENGE),
        "rpId": "watchword.example",
        "timeout": 300_000,
        "allowCredentials": [],
        "userVerification": "required",
    } == REQUEST


def test_a_step_up_names_the_passkeys() -> None:
    asked = ceremonies.request_options(PARTY, ["AAAA"], CHALLENGE)
    assert asked["allowCredentials"] == [{"id": "AAAA", "type": "public-key"}]


def test_an_honest_passkey_is_registered_and_used() -> None:
    device = Authenticator(ORIGIN)
    made = register(device)
    assert (made.id, made.public_key) == (encode(device.id), device.public_key)
    assert [use(device), use(device)] == [1, 2]


def test_another_origin_that_is_named_is_good() -> None:
    device = Authenticator("https://app.example")
    register(device)
    assert use(device) == 1


TWISTS: dict[str, dict[str, Any]] = {
    "an origin that is not ours": {"origin": "https://watchword.example.evil"},
    "our origin in plain http": {"origin": "http://watchword.example"},
    "an origin that is no text": {"origin": ["https://watchword.example"]},
    "another relying party": {"rp_id": "evil.example"},
    "another challenge": {"challenge": encode(b"d" * 32)},
    "no challenge": {"challenge": ""},
    "a challenge that is no text": {"challenge": 5},
    "no user verification": {"flags": PRESENT},
    "nobody there": {"flags": VERIFIED},
    "a frame in another page": {"cross_origin": True},
    "a backup that cannot be": {"flags": PRESENT | VERIFIED | 0x10},
}


@pytest.mark.parametrize("twist", TWISTS.values(), ids=TWISTS)
def test_no_twist_registers_anything(twist: dict[str, Any]) -> None:
    with pytest.raises(PasskeyRefused):
        register(Authenticator(ORIGIN), **twist)


@pytest.mark.parametrize("twist", TWISTS.values(), ids=TWISTS)
def test_no_twist_signs_anybody_in(twist: dict[str, Any]) -> None:
    device = Authenticator(ORIGIN)
    register(device)
    with pytest.raises(PasskeyRefused):
        use(device, **twist)


@pytest.mark.parametrize("kind", ["webauthn.get", "payment.get", "", None, 7])
def test_a_registration_is_of_its_own_type(kind: object) -> None:
    with pytest.raises(PasskeyRefused):
        register(Authenticator(ORIGIN), type=kind)


def test_an_assertion_is_of_its_own_type() -> None:
    device = Authenticator(ORIGIN)
    with pytest.raises(PasskeyRefused):
        use(device, type="webauthn.create")


def test_a_signature_by_another_key_is_refused() -> None:
    device = Authenticator(ORIGIN)
    with pytest.raises(PasskeyRefused):
        use(device, key=Authenticator(ORIGIN).key)


@pytest.mark.parametrize(
    "signature", [b"", bytes(64), bytes.fromhex("3006020100020100"), b"x" * 90]
)
def test_an_empty_or_zero_signature_is_refused(signature: bytes) -> None:
    with pytest.raises(PasskeyRefused):
        use(Authenticator(ORIGIN), signature=signature)


def test_what_was_signed_cannot_be_changed() -> None:
    device = Authenticator(ORIGIN)
    credential = device.get(REQUEST)
    data = bytearray(decode(credential["response"]["authenticatorData"]))
    data[-1] += 1
    credential["response"]["authenticatorData"] = encode(bytes(data))
    with pytest.raises(PasskeyRefused):
        ceremonies.check_assertion(
            ceremonies.assertion(credential), CHALLENGE, PARTY, device.public_key
        )


def test_the_id_has_one_spelling() -> None:
    device = Authenticator(ORIGIN)
    credential = device.get(REQUEST) | {"id": encode(device.id) + "="}
    with pytest.raises(PasskeyRefused):
        ceremonies.check_assertion(
            ceremonies.assertion(credential), CHALLENGE, PARTY, device.public_key
        )


def _rsa(bits: int) -> bytes:
    numbers = rsa.generate_private_key(65537, bits).public_key().public_numbers()
    return cbor2.dumps({1: 3, 3: -257, -1: numbers.n.to_bytes(bits // 8, "big"), -2: b"\1\0\1"})


WEAK_KEYS = {
    "a short RSA key": _rsa(1024),
    "a point that is not on the curve": cbor2.dumps(
        {1: 2, 3: -7, -1: 1, -2: b"x" * 32, -3: b"y" * 32}
    ),
    "SHA-1": cbor2.dumps({1: 3, 3: -65535, -1: b"\xff" * 256, -2: b"\1\0\1"}),
    "no key": cbor2.dumps({}),
    "a list": cbor2.dumps([1, 2]),
}


@pytest.mark.parametrize("key", WEAK_KEYS.values(), ids=WEAK_KEYS)
def test_a_key_that_is_weak_or_none_is_not_registered(key: bytes) -> None:
    with pytest.raises(PasskeyRefused):
        register(Authenticator(ORIGIN), public_key=key)


def test_a_long_rsa_key_is_registered() -> None:
    key = _rsa(2048)
    assert register(Authenticator(ORIGIN), public_key=key).public_key == key


def test_an_id_that_is_too_long_is_not_registered() -> None:
    with pytest.raises(PasskeyRefused):
        register(Authenticator(ORIGIN, id=b"i" * 1_024))
    assert len(register(Authenticator(ORIGIN, id=b"i" * 1_023)).id) == 1_364


def test_an_answer_of_endless_length_is_refused_unread() -> None:
    device = Authenticator(ORIGIN)
    credential = device.get(REQUEST)
    credential["response"]["authenticatorData"] += "A" * 40_000
    with pytest.raises(PasskeyRefused) as refused:
        ceremonies.assertion(credential)
    assert refused.value.rule == "malformed"


@pytest.mark.parametrize("client_data", [b"", b"[]", b"null", b"\xff\xfe", b"[" * 20_000, b"{}"])
def test_client_data_of_any_kind_is_refused(client_data: bytes) -> None:
    credential = Authenticator(ORIGIN).get(REQUEST)
    credential["response"]["clientDataJSON"] = encode(client_data)
    with pytest.raises(PasskeyRefused):
        ceremonies.challenge_of(credential)
    with pytest.raises(PasskeyRefused):
        ceremonies.assertion(credential)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)
MEMBERS = ["id", "rawId", "type", "response", "authenticatorAttachment"]
PARTS = ["clientDataJSON", "authenticatorData", "signature", "userHandle", "attestationObject"]


@given(JSON)
def test_any_json_is_refused(value: object) -> None:
    for read in (ceremonies.challenge_of, ceremonies.assertion):
        with pytest.raises(PasskeyRefused):
            read(value)
    with pytest.raises(PasskeyRefused):
        ceremonies.registered(value, CHALLENGE, PARTY)


@given(st.sampled_from(MEMBERS + PARTS), JSON)
def test_any_member_of_any_type_raises_nothing_else(name: str, value: object) -> None:
    device = Authenticator(ORIGIN)
    for credential in (device.create(CREATION), device.get(REQUEST)):
        place = credential if name in MEMBERS else credential["response"]
        place[name] = value
        with suppress(PasskeyRefused):
            ceremonies.challenge_of(credential)
            answer = ceremonies.assertion(credential)
            ceremonies.check_assertion(answer, CHALLENGE, PARTY, device.public_key)
        with suppress(PasskeyRefused):
            ceremonies.registered(credential, CHALLENGE, PARTY)


@given(st.binary(max_size=300))
def test_any_bytes_as_authenticator_data_raise_nothing_else(data: bytes) -> None:
    device = Authenticator(ORIGIN)
    digest = hashlib.sha256(b"watchword.example").digest()
    for bytes_ in (data, digest + b"\xc5" + data):
        credential = device.get(REQUEST)
        credential["response"]["authenticatorData"] = encode(bytes_)
        with pytest.raises(PasskeyRefused):
            ceremonies.check_assertion(
                ceremonies.assertion(credential), CHALLENGE, PARTY, device.public_key
            )
        created = device.create(CREATION)
        attestation = cbor2.dumps({"fmt": "none", "attStmt": {}, "authData": bytes_})
        created["response"]["attestationObject"] = encode(attestation)
        with pytest.raises(PasskeyRefused):
            ceremonies.registered(created, CHALLENGE, PARTY)


def test_a_refusal_says_the_same_whatever_was_wrong() -> None:
    device = Authenticator(ORIGIN)
    said = set()
    for twist in TWISTS.values():
        with pytest.raises(PasskeyRefused) as refused:
            use(device, **twist)
        said.add(json.dumps(refused.value.as_dict()))
    assert len(said) == 1
