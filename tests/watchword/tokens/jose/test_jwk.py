"""Published keys: each rule by which a key is left out; no input raises any other error."""

from __future__ import annotations

import itertools
import json as stdlib_json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from hypothesis import given
from hypothesis import strategies as st

from tests.support.tokens import key
from watchword.errors import InvalidToken
from watchword.tokens.jose.compact import decode
from watchword.tokens.jose.jwk import ASYMMETRIC, LONGEST_ID, MOST_ALIKE, BadKey, read, read_set
from watchword.tokens.jose.jws import check_signature, check_signatures, sign
from watchword.tokens.keys import Key, encode, thumbprint

KEYS = {name: key(name) for name in ("ES256", "RS256", "EdDSA")}
EC, RSA, OKP = (made.jwk() for made in KEYS.values())
OTHER_CURVES = {
    "ES384": Key("p384", "ES384", ec.generate_private_key(ec.SECP384R1())),
    "ES512": Key("p521", "ES512", ec.generate_private_key(ec.SECP521R1())),
}
PRIME = 2**256 - 2**224 + 2**192 + 2**96 - 1


def changed(jwk: dict[str, Any], **members: Any) -> dict[str, Any]:
    """Return a JWK with changed members; a change to None removes one."""
    return {name: value for name, value in (jwk | members).items() if value is not None}


def integer(number: int, size: int | None = None) -> str:
    return encode(number.to_bytes(size or (number.bit_length() + 7) // 8, "big"))


def rule(jwk: object, *algorithms: str) -> str:
    """Return the rule by which a key is left out."""
    with pytest.raises(BadKey) as refused:
        read(jwk, algorithms or ASYMMETRIC)
    return str(refused.value)


@pytest.mark.parametrize(
    "made", [*KEYS.values(), *OTHER_CURVES.values()], ids=lambda k: k.algorithm
)
def test_what_a_key_has_signed_is_verified_by_what_was_published(made: Key) -> None:
    known = read(stdlib_json.loads(stdlib_json.dumps(made.jwk())))
    assert (known.kid, known.algorithm) == (made.kid, made.algorithm)
    assert check_signature(sign({"a": 1}, made), known) == b'{"a":1}'


def test_a_key_without_an_id_has_its_thumbprint() -> None:
    assert read(changed(EC, kid=None)).kid == thumbprint(KEYS["ES256"].public)


def test_what_a_key_does_not_say_is_taken_from_what_is_accepted() -> None:
    unsaid = changed(RSA, alg=None, use=None)
    assert read(unsaid, ["PS256", "RS256"]).algorithm == "PS256"
    assert read(unsaid, ["ES256", "RS512"]).algorithm == "RS512"
    assert read(changed(EC, alg=None), ["RS256", "ES256"]).algorithm == "ES256"


@pytest.mark.parametrize(
    ("members", "words"),
    [
        ({"use": "enc"}, "use"), ({"use": ""}, "use"), ({"use": ["sig"]}, "use"), ({"use": 1}, "use"),
        ({"key_ops": ["sign"]}, "key_ops"), ({"key_ops": []}, "key_ops"), ({"key_ops": "verify"}, "key_ops"),
        ({"key_ops": {"verify": 1}}, "key_ops"), ({"key_ops": ["encrypt", 7, None]}, "key_ops"),
        ({"alg": "ES384"}, "algorithm"), ({"alg": "none"}, "algorithm"), ({"alg": "HS256"}, "algorithm"),
        ({"alg": "RS256"}, "algorithm"), ({"alg": ["ES256"]}, "algorithm"), ({"alg": ""}, "algorithm"),
        ({"kty": "oct", "k": "c2VjcmV0"}, "private"), ({"kty": "oct"}, "kind"), ({"kty": "RSA"}, "member n"),
        ({"kty": "ec"}, "kind"), ({"kty": None}, "kind"), ({"kty": ["EC"]}, "kind"),
        ({"crv": "P-384"}, "member x"), ({"crv": "secp256k1"}, "curve"), ({"crv": None}, "curve"),
        ({"crv": ["P-256"]}, "curve"), ({"crv": {}}, "curve"),
        ({"x": None}, "member x"), ({"x": 7}, "member x"), ({"x": ""}, "member x"), ({"y": EC["y"][:-1]}, "member y"),
        ({"x": EC["x"] + "="}, "member x"), ({"x": EC["x"] + "A"}, "member x"), ({"x": "\ud800"}, "member x"),
        ({"x": integer(1, 31)}, "member x"), ({"x": integer(1, 33)}, "member x"),
        ({"x": integer(1, 32)}, "numbers"), ({"x": integer(PRIME, 32)}, "numbers"),
        ({"x": integer(0, 32), "y": integer(0, 32)}, "numbers"), ({"x": EC["y"], "y": EC["x"]}, "numbers"),
        ({"kid": 7}, "kid"), ({"kid": ""}, "kid"), ({"kid": ["a"]}, "kid"), ({"kid": "a\0"}, "kid"),
        ({"kid": "\ud800"}, "kid"), ({"kid": "a\nb"}, "kid"), ({"kid": "x" * (LONGEST_ID + 1)}, "kid"),
    ],
)  # fmt: skip
def test_a_key_that_says_something_else_is_left_out(members: dict[str, Any], words: str) -> None:
    assert words in rule(changed(EC, **members))


def test_a_missing_kid_is_no_null() -> None:
    assert "kid" in rule(EC | {"kid": None})
    assert "use" in rule(EC | {"use": None})
    assert "key_ops" in rule(EC | {"key_ops": None})


@pytest.mark.parametrize("name", ["d", "p", "q", "dp", "dq", "qi", "oth", "k"])
@pytest.mark.parametrize("value", ["AQAB", "", None, []])
def test_whoever_publishes_a_private_part_has_lost_the_key(name: str, value: Any) -> None:
    for jwk in (EC, RSA, OKP):
        assert "private" in rule(jwk | {name: value})


@pytest.mark.parametrize("bits", [512, 1024, 2047, 8193, 16_384])
def test_an_rsa_key_of_another_size_is_left_out(bits: int) -> None:
    assert "2048 to 8192 bits" in rule(changed(RSA, n=integer((1 << (bits - 1)) | 1)))


def test_a_real_rsa_key_of_1024_bits_is_left_out() -> None:
    weak = Key("weak", "RS256", rsa.generate_private_key(public_exponent=65537, key_size=1024))
    assert "bits" in rule(weak.jwk())


@pytest.mark.parametrize("exponent", [0, 1, 2, 3, 17, 65_536, 2**64, 2**64 + 1, 2**2000 + 1])
def test_an_exponent_that_is_not_one_is_left_out(exponent: int) -> None:
    words = rule(changed(RSA, e=integer(exponent, max(1, (exponent.bit_length() + 7) // 8))))
    assert "exponent" in words or "zeros" in words


def test_an_even_exponent_makes_no_key() -> None:
    assert "numbers" in rule(changed(RSA, e=integer(65_538)))
    assert read(RSA).algorithm == "RS256"


@pytest.mark.parametrize("name", ["n", "e"])
def test_an_integer_with_zeros_in_front_is_not_as_it_is_written(name: str) -> None:
    assert "zeros" in rule(changed(RSA, **{name: encode(b"\0" + decode(RSA[name]))}))


@pytest.mark.parametrize(
    "members", [{"crv": "X25519"}, {"crv": "Ed448"}, {"crv": ["Ed25519"]}, {"x": OKP["x"][:-2]}]
)
def test_another_edwards_key_is_left_out(members: dict[str, Any]) -> None:
    assert rule(changed(OKP, alg=None, **members))


def test_only_an_algorithm_that_is_accepted_is_used() -> None:
    assert "algorithm" in rule(EC, "RS256")
    assert "algorithm" in rule(changed(EC, alg=None), "RS256", "EdDSA", "HS256", "none")
    assert "algorithm" in rule(changed(RSA, alg=None), "ES256")


@pytest.mark.parametrize("jwk", [None, 7, "x", [], [EC], True])
def test_what_is_no_object_is_no_key(jwk: Any) -> None:
    assert "object" in rule(jwk)


def test_the_verifying_key_of_another_is_for_one_algorithm_only() -> None:
    token = sign({}, KEYS["RS256"])
    known = read(changed(RSA, alg="PS256"))
    with pytest.raises(Exception, match="access token"):
        check_signature(token, known)


# Sets


def test_a_set_is_read_by_id_and_says_what_is_left_out() -> None:
    found, left_out = read_set(
        {"keys": [EC, RSA, changed(OKP, use="enc"), changed(OKP, kid=None), 7, None, {"kid": "x"}]}
    )
    assert set(found) == {EC["kid"], RSA["kid"], None}
    assert list(map(str, left_out)) == [
        "its use is not sig", "it is no JSON object", "it is no JSON object",
        "its kind is not one that is accepted",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("others", "algorithms"),
    [
        # RFC 7517, section 4.5: equivalent alternatives of another kty.
        ([changed(RSA, kid=EC["kid"])], ["ES256", "RS256"]),
        ([{"kid": EC["kid"], "use": "enc"}], ["ES256"]),
        ([changed(RSA, kid=EC["kid"], use="enc"), 7, {}], ["ES256"]),
        # A key that occurs twice counts once.
        ([EC, EC | {"x5t": "AAAA"}], ["ES256"]),
        ([changed(key().jwk(), kid=EC["kid"])], ["ES256", "ES256"]),
        ([changed(key().jwk(), kid=EC["kid"]) for _ in range(9)], ["ES256"] * MOST_ALIKE),
    ],
)
def test_keys_of_one_id_are_told_apart_and_few_of_one_algorithm_are_tried(
    others: list[Any], algorithms: list[str]
) -> None:
    found, _ = read_set({"keys": [EC, *others]})
    assert [known.algorithm for known in found[EC["kid"]]] == algorithms
    assert found[EC["kid"]][0] == read(EC)


def test_of_the_keys_of_one_id_the_one_that_signed_is_believed() -> None:
    signers = [replace(key(algorithm), kid="1") for algorithm in ("RS256", "ES256", "ES256")]
    found, _ = read_set({"keys": [signer.jwk() for signer in signers]})
    for signer in signers:
        header = {"alg": signer.algorithm}
        assert check_signatures(sign({"a": 1}, signer), header, found["1"]) == b'{"a":1}'
        stranger = replace(key(signer.algorithm), kid="1")
        with pytest.raises(InvalidToken) as refused:
            check_signatures(sign({}, stranger), header, found["1"])
        assert refused.value.rule == "signature"
    with pytest.raises(InvalidToken) as refused:
        check_signatures(sign({}, signers[0]), {"alg": "EdDSA"}, found["1"])
    assert refused.value.rule == "alg"


@pytest.mark.parametrize("jwks", [None, [], {}, {"keys": None}, {"keys": {}}, {"keys": "x"}, 7])
def test_what_is_no_set_is_none(jwks: Any) -> None:
    with pytest.raises(BadKey, match="no JWK Set"):
        read_set(jwks)


def test_nesting_in_a_key_is_no_fault_of_ours() -> None:
    nested: Any = []
    for _ in range(5_000):
        nested = [nested]
    for name in ("kty", "crv", "x", "kid", "use", "alg", "key_ops"):
        assert rule(EC | {name: nested})


json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=5,
)
members = st.dictionaries(
    st.sampled_from(["kty", "crv", "x", "y", "n", "e", "kid", "use", "key_ops", "alg", "d"]),
    json | st.sampled_from([*EC.values(), *RSA.values(), *OKP.values()]) | st.binary().map(encode),
    max_size=4,
)


@given(st.sampled_from([EC, RSA, OKP, {}]), members)
def test_an_arbitrary_key_is_read_or_left_out(jwk: dict[str, Any], changes: dict[str, Any]) -> None:
    _whole(lambda: read(jwk | changes))


@given(json | st.fixed_dictionaries({"keys": st.lists(json | members, max_size=4)}))
def test_an_arbitrary_set_is_read_or_refused(jwks: Any) -> None:
    _whole(lambda: read_set(jwks))


@given(st.integers(0, 2**256 - 1), st.integers(0, 2**256 - 1))
def test_a_point_that_is_not_on_the_curve_is_no_key(x: int, y: int) -> None:
    assert "numbers" in rule(changed(EC, x=integer(x, 32), y=integer(y, 32)))


def _whole(do: Callable[[], Any]) -> None:
    try:
        made = do()
    except BadKey:
        return
    found = [made] if not isinstance(made, tuple) else itertools.chain(*made[0].values())
    for known in found:
        assert isinstance(known.kid, str)
        assert 0 < len(known.kid) <= LONGEST_ID
        assert known.algorithm in ASYMMETRIC
