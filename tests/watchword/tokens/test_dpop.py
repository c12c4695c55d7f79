"""DPoP proofs are checked by every rule of RFC 9449, section 4.3."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.dpop import KeyHolder
from watchword.errors import InvalidProof, NonceNeeded, UntimelyProof
from watchword.tokens.dpop import (
    LONGEST_ID,
    NONCE_SECONDS,
    Proof,
    Target,
    Window,
    check,
    check_nonce,
    nonce,
)
from watchword.tokens.jose.compact import LONGEST
from watchword.tokens.keys import encode

NOW = 1_800_000_000.0
ISSUER, URL = "https://watchword.example", "https://watchword.example/graphql"
TARGET, SOCKET = Target("POST", "/graphql"), Target("GET", "/graphql", is_socket=True)
WINDOW = Window(ISSUER, NOW, 60, 5)
TOKEN = "a.b.c"
HOLDER = KeyHolder()
SECRET = b"k" * 32


def checked(proof: str, target: Target = TARGET, token: str | None = None) -> Proof:
    return check(proof, target, WINDOW, token)


def rule(proof: str, target: Target = TARGET, token: str | None = None) -> str:
    with pytest.raises(InvalidProof) as refused:
        checked(proof, target, token)
    return refused.value.rule


def good(**changes: Any) -> dict[str, Any]:
    return HOLDER.claims("POST", URL, NOW, **changes)


@pytest.mark.parametrize("algorithm", ["ES256", "RS256", "EdDSA"])
def test_a_good_proof_shows_the_key_by_its_thumbprint(algorithm: str) -> None:
    holder = KeyHolder(algorithm)
    proof = holder.proof("POST", URL, NOW, TOKEN, jti="1", nonce="n")
    assert checked(proof, token=TOKEN) == Proof(holder.thumbprint, "1", NOW, "n")


def test_the_thumbprint_is_that_of_the_key_whatever_id_it_has() -> None:
    proof = HOLDER.signed(good(), jwk=HOLDER.jwk | {"kid": "somebody else's"})
    assert checked(proof).key == HOLDER.thumbprint


@pytest.mark.parametrize("name", ["jti", "htm", "htu", "iat"])
@pytest.mark.parametrize("value", [None, 7, True, "", ["POST"], {"a": 1}, -1, 1e300])
def test_each_claim_is_there_and_of_its_type(name: str, value: Any) -> None:
    assert rule(HOLDER.signed(good(**{name: value}))) == name


@pytest.mark.parametrize("name", ["jti", "htm", "htu", "iat"])
def test_half_of_a_surrogate_pair_is_no_text(name: str) -> None:
    claims = orjson.dumps(good(**{name: "half"})).replace(b'"half"', b'"\\ud800"')
    assert rule(HOLDER.signed(claims)) == name


@pytest.mark.parametrize("header", [{"typ": "at+jwt"}, {"typ": "JWT"}, {"typ": "DPoP+jwt"}])
def test_another_type_is_refused(header: dict[str, str]) -> None:
    assert rule(HOLDER.signed(good(), **header)) == "typ"


def test_no_type_is_refused() -> None:
    proof = HOLDER.signed(good(), typ="")
    assert rule(proof) == "typ"


@pytest.mark.parametrize(
    "algorithm", ["none", "None", "HS256", "ES256K", "dir", "", 7, None, ["ES256"]]
)
def test_an_algorithm_that_is_not_asymmetric_is_refused(algorithm: Any) -> None:
    header = {"typ": "dpop+jwt", "alg": algorithm, "jwk": HOLDER.jwk}
    assert rule(_unsigned(header)) == "alg"


def test_an_algorithm_of_another_kind_of_key_is_refused() -> None:
    header = {"typ": "dpop+jwt", "alg": "RS256", "jwk": HOLDER.jwk}
    assert rule(_unsigned(header)).startswith("jwk")


@pytest.mark.parametrize("member", ["d", "k", "p"])
def test_a_private_key_is_refused(member: str) -> None:
    proof = HOLDER.signed(good(), jwk=HOLDER.jwk | {member: "AAAA"})
    assert rule(proof) == "jwk: it has a private part"


@pytest.mark.parametrize(
    "jwk",
    [
        None,
        {},
        [],
        "x",
        {"kty": "oct", "k": "AAAA"},
        {"kty": "EC", "crv": "P-256", "x": "A", "y": 7},
    ],
)
def test_what_is_no_public_key_is_refused(jwk: Any) -> None:
    assert rule(HOLDER.signed(good(), jwk=jwk)).startswith("jwk")


@pytest.mark.parametrize("member", ["jku", "x5u", "x5c", "crit", "zip"])
def test_a_key_is_fetched_from_nowhere_and_nothing_is_critical(member: str) -> None:
    assert rule(HOLDER.signed(good(), **{member: ["x"]})) == f"header {member}"


def test_a_signature_by_another_key_is_refused() -> None:
    proof = KeyHolder().signed(good(), jwk=HOLDER.jwk)
    assert rule(proof) == "signature"


@pytest.mark.parametrize("method", ["post", "GET", "POST "])
def test_another_method_is_refused(method: str) -> None:
    assert rule(HOLDER.signed(good(htm=method))) == "htm"


@pytest.mark.parametrize(
    "url",
    [
        URL,
        f"{URL}?query=x",
        f"{URL}#there",
        "HTTPS://Watchword.EXAMPLE/graphql",
        "https://watchword.example:443/graphql",
        "https://watchword.example:/graphql",
        "https://watchword.example/%67raphql",
        "https://watchword.example/a/.././graphql",
        "https://watchword.example/a/%2e%2E/%2e/graphql",
        "https://watchword.example/../graphql",
        # A slash at the end is ignored in a request, so it is ignored here.
        "https://watchword.example/graphql/",
        "https://watchword.example/graphql/.",
        "https://watchword.example/graphql/%2e",
        "https://watchword.example/graphql/a/..",
    ],
)
def test_a_url_is_compared_after_normalisation(url: str) -> None:
    assert checked(HOLDER.signed(good(htu=url))).key == HOLDER.thumbprint


@pytest.mark.parametrize(
    "url",
    [
        "https://evil.example/graphql",
        "http://watchword.example/graphql",
        "wss://watchword.example/graphql",
        "https://watchword.example:8443/graphql",
        "https://watchword.example:port/graphql",
        "https://watchword.example/graphql//",
        "https://watchword.example/graphql/a",
        "https://watchword.example/x%2f..%2fgraphql",
        "https://watchword.example/x%2F../graphql%2F..",
        "https://watchword.example/%2fgraphql",
        "https://watchword.example/graphql%3f",
        "https://watchword.example/graphql%",
        "https://watchword.example/GraphQL",
        "https://watchword.example",
        "https://watchword.example@evil.example/graphql",
        "https://user@watchword.example/graphql",
        "https://[watchword.example/graphql",
        "https://watchword.example/graphql\n",
        " https://watchword.example/graphql",
        "//watchword.example/graphql",
        "/graphql",
    ],
)
def test_another_url_is_refused(url: str) -> None:
    assert rule(HOLDER.signed(good(htu=url))) == "htu"


@pytest.mark.parametrize("scheme", ["https", "wss"])
def test_the_url_of_a_socket_is_written_either_way(scheme: str) -> None:
    url = f"{scheme}://watchword.example/graphql"
    assert checked(HOLDER.signed(good(htm="GET", htu=url)), SOCKET).key == HOLDER.thumbprint


@pytest.mark.parametrize("scheme", ["http", "ws"])
def test_a_socket_without_tls_is_another_target(scheme: str) -> None:
    url = f"{scheme}://watchword.example/graphql"
    assert rule(HOLDER.signed(good(htm="GET", htu=url)), SOCKET) == "htu"


@pytest.mark.parametrize("path", ["/graphql", "/base/graphql"])
def test_a_proxy_may_have_taken_the_path_of_the_issuer_away(path: str) -> None:
    window = Window(f"{ISSUER}/base", NOW, 60, 5)
    proof = HOLDER.signed(good(htu=ISSUER + path))
    assert check(proof, TARGET, window, None).key == HOLDER.thumbprint


@pytest.mark.parametrize(("age", "is_good"), [(65, True), (66, False), (-5, True), (-6, False)])
def test_a_proof_is_good_for_a_short_time(age: int, is_good: bool) -> None:
    proof = HOLDER.signed(good(iat=NOW - age))
    if is_good:
        assert checked(proof).issued_at == NOW - age
    else:
        assert rule(proof) == "iat"
        # A new proof may be valid: the stock client makes one when it reconnects.
        with pytest.raises(UntimelyProof):
            checked(proof)


@pytest.mark.parametrize(
    "changes",
    [
        {"exp": NOW},
        {"exp": 1},
        {"nbf": NOW + 6},
        {"nbf": 9_999_999_999},
        *[{name: value} for name in ("exp", "nbf") for value in ("1", True, -1, [], 1e300)],
    ],
    ids=str,
)
def test_a_proof_that_has_ended_or_not_begun_is_refused(changes: dict[str, Any]) -> None:
    assert rule(HOLDER.signed(good(**changes))) in changes


def test_a_proof_may_say_when_it_begins_and_ends() -> None:
    assert checked(HOLDER.signed(good(exp=NOW + 1, nbf=NOW + 5))).key == HOLDER.thumbprint


def test_a_null_is_no_time() -> None:
    for name in ("exp", "nbf"):
        claims = orjson.dumps(good() | {name: None})
        assert rule(HOLDER.signed(claims)) == name


def test_a_path_is_compared_by_its_segments_and_escapes() -> None:
    """URLs are normalised by RFC 3986, sections 5.2.4 and 6.2.2, whatever the issuer's path contains."""
    target, issuer = Target("POST", "/graphql"), f"{ISSUER}/a%2Fb"
    assert target.is_named(f"{ISSUER}/%61%2fb/graphql", issuer)
    assert not target.is_named(f"{ISSUER}/a/b/graphql", issuer)
    assert Target("GET", "/").is_named(f"{ISSUER}/..", ISSUER)


def test_a_proof_is_for_one_token() -> None:
    assert rule(HOLDER.signed(good()), token=TOKEN) == "ath"
    assert rule(HOLDER.proof("POST", URL, NOW, "another"), token=TOKEN) == "ath"
    assert rule(HOLDER.signed(good(ath=7)), token=TOKEN) == "ath"


def test_an_id_and_a_nonce_are_texts_of_a_bounded_length() -> None:
    assert checked(HOLDER.signed(good(jti="x" * LONGEST_ID)))
    assert rule(HOLDER.signed(good(jti="x" * (LONGEST_ID + 1)))) == "jti"
    assert rule(HOLDER.signed(good(nonce=7))) == "nonce"


@pytest.mark.parametrize(
    "proof", ["", "a", "a.b", "a.b.c", "a.b.c.d.e", "ä.b.c", "x" * LONGEST * 2]
)
def test_what_is_no_token_is_refused(proof: str) -> None:
    assert rule(proof)


def test_duplicate_members_are_refused() -> None:
    claims = orjson.dumps(good())
    assert rule(HOLDER.signed(claims[:-1] + b',"htm":"POST"}')) == "JSON"


def test_a_nonce_is_good_for_its_time_and_once_more() -> None:
    given = nonce(SECRET, NOW)
    check_nonce(given, [SECRET], NOW, 5)
    check_nonce(given, [SECRET], NOW + NONCE_SECONDS, 5)
    with pytest.raises(NonceNeeded) as refused:
        check_nonce(given, [SECRET], NOW + 2 * NONCE_SECONDS, 5)
    assert refused.value.nonce == nonce(SECRET, NOW + 2 * NONCE_SECONDS)


def test_the_clock_of_whoever_gave_a_nonce_may_be_ahead() -> None:
    end = NOW - NOW % NONCE_SECONDS + NONCE_SECONDS
    check_nonce(nonce(SECRET, end), [SECRET], end - 5, 5)
    with pytest.raises(NonceNeeded):
        check_nonce(nonce(SECRET, end), [SECRET], end - 6, 5)


def test_a_nonce_by_any_of_the_secrets_is_good_and_the_first_one_is_told() -> None:
    old, new = b"o" * 32, b"n" * 32
    for secrets in ([old, new], [new, old]):
        for secret in secrets:
            check_nonce(nonce(secret, NOW), secrets, NOW, 5)
        with pytest.raises(NonceNeeded) as refused:
            check_nonce(None, secrets, NOW, 5)
        assert refused.value.nonce == nonce(secrets[0], NOW)


@pytest.mark.parametrize("given", [None, "", "ä", nonce(b"another", NOW)])
def test_a_nonce_of_somebody_else_is_refused(given: str | None) -> None:
    with pytest.raises(NonceNeeded):
        check_nonce(given, [SECRET], NOW, 5)


values = st.recursive(
    st.none() | st.booleans() | st.floats(allow_nan=False) | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)


@given(st.dictionaries(st.sampled_from(["jti", "htm", "htu", "iat", "ath", "nonce"]), values))
def test_arbitrary_claims_give_a_proof_or_its_own_error(changes: dict[str, Any]) -> None:
    try:
        data = orjson.dumps(good(**changes))
    except TypeError:
        return
    try:
        shown = checked(HOLDER.signed(data), token=TOKEN)
    except InvalidProof:
        return
    assert isinstance(shown, Proof)


@given(st.dictionaries(st.sampled_from(["typ", "alg", "jwk", "kid"]), values))
def test_arbitrary_headers_give_a_proof_or_its_own_error(changes: dict[str, Any]) -> None:
    try:
        proof = _unsigned({"typ": "dpop+jwt", "alg": "ES256", "jwk": HOLDER.jwk} | changes)
    except TypeError:
        return
    with pytest.raises(InvalidProof):
        checked(proof)


@given(st.text())
def test_arbitrary_urls_are_compared_without_harm(url: str) -> None:
    assert TARGET.is_named(url, ISSUER) in (True, False)


def _unsigned(header: dict[str, Any]) -> str:
    return ".".join(
        encode(part) for part in (orjson.dumps(header), orjson.dumps(good()), b"x" * 64)
    )
