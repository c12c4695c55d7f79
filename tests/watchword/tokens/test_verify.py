"""Verification returns the right principal or refuses the token, for attacks and arbitrary input too."""

from __future__ import annotations

import json as stdlib_json
from typing import Any

import jwt
import orjson
import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given
from hypothesis import strategies as st

from tests.support.clock import MovedClock
from tests.support.forge import Forge
from tests.support.tokens import claims, key, signed, unsigned, verifier
from watchword.errors import InvalidToken, TokenExpired
from watchword.principal import Grants, Principal
from watchword.tokens.claims import LONGEST_NAME
from watchword.tokens.jose.compact import LONGEST
from watchword.tokens.keys import encode
from watchword.tokens.verify import UnknownKey, digest_of

KEY = key()
OTHER = key()
NOW = MovedClock().now()
GOOD = signed(KEY, claims(NOW))


def rule(token: str, clock: MovedClock | None = None) -> str:
    """Return the rule by which a token is refused."""
    with pytest.raises(InvalidToken) as refused:
        verifier(clock or MovedClock(), KEY).verify(token)
    return refused.value.rule


@pytest.mark.parametrize("algorithm", ["ES256", "RS256", "EdDSA"])
def test_a_good_token_is_its_principal(algorithm: str, clock: MovedClock) -> None:
    good = key(algorithm)
    assert verifier(clock, good).verify(signed(good, claims(NOW))) == Principal(
        "alice",
        Grants(frozenset({"keeper"}), frozenset({"a:b", "c:d"})),
        client="watchword",
        session="s1",
        token_id="1",
        issued_at=NOW,
        expires_at=NOW + 600,
    )


def test_tokens_with_the_same_rights_share_them_and_others_do_not(clock: MovedClock) -> None:
    made = verifier(clock, KEY)
    alike = [made.verify(signed(KEY, claims(NOW, sub=name, jti=name))) for name in ("a", "b")]
    other = made.verify(signed(KEY, claims(NOW, sub="c", jti="c", roles=["visitor"])))
    assert alike[0].grants is alike[1].grants
    assert [each.subject for each in alike] == ["a", "b"]
    assert other.grants.roles == {"visitor"}


def test_an_audience_among_several_is_ours(clock: MovedClock) -> None:
    token = signed(KEY, claims(NOW, aud=["other", "watchword"]))
    assert verifier(clock, KEY).verify(token).subject == "alice"


def test_a_token_that_has_ended_is_expired_not_invalid(clock: MovedClock) -> None:
    made = verifier(clock, KEY)
    token = signed(KEY, claims(NOW))
    made.verify(token)
    clock.move(600)
    for _ in range(2):
        with pytest.raises(TokenExpired):
            made.verify(token)
    with pytest.raises(TokenExpired):
        verifier(clock, KEY).verify(token)


def test_an_expired_token_of_somebody_else_is_invalid(clock: MovedClock) -> None:
    clock.move(1000)
    forged = signed(OTHER, claims(NOW), kid=KEY.kid)
    assert rule(forged, clock) == "signature"
    assert rule(signed(KEY, claims(NOW, aud="other")), clock) == "aud"


@pytest.mark.parametrize("algorithm", ["none", "None", "NONE", "nOnE", "", None, 7, "HS256"])
def test_no_other_algorithm_is_accepted(algorithm: Any) -> None:
    header = {"typ": "at+jwt", "kid": KEY.kid, "alg": algorithm}
    for signature in (b"", b"x"):
        assert rule(unsigned(header, claims(NOW), signature)) in ("alg", "three base64url parts")


def test_the_public_key_is_no_hmac_secret() -> None:
    pem = KEY.public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    signer = jwt.PyJWS()
    header = {"typ": "at+jwt", "kid": KEY.kid, "alg": "HS256"}
    text = f"{encode(orjson.dumps(header))}.{encode(orjson.dumps(claims(NOW)))}"
    mac = signer.get_algorithm_by_name("HS256").sign(text.encode(), pem)
    assert rule(f"{text}.{encode(mac)}") == "alg"


@pytest.mark.parametrize("member", ["jwk", "jku", "x5u", "x5c", "crit", "b64", "zip", "enc", "cty"])
def test_a_header_cannot_bring_a_key_or_an_extension(member: str) -> None:
    value = OTHER.jwk() if member == "jwk" else ["exp"]
    header = {"typ": "at+jwt", "kid": OTHER.kid, "alg": "ES256", member: value}
    assert rule(unsigned(header, claims(NOW))) == f"header {member}"


@pytest.mark.parametrize("typ", ["JWT", "at+JWTx", "dpop+jwt", "", None, 7, ["at+jwt"]])
def test_another_type_of_token_is_no_access_token(typ: Any) -> None:
    header = {"kid": KEY.kid, "alg": "ES256", "typ": typ}
    assert rule(unsigned(header, claims(NOW))) == "typ"


@pytest.mark.parametrize("typ", ["at+jwt", "AT+JWT", "application/at+jwt"])
def test_the_type_is_read_without_regard_to_case(typ: str, clock: MovedClock) -> None:
    assert verifier(clock, KEY).verify(signed(KEY, claims(NOW), typ=typ)).subject == "alice"


@pytest.mark.parametrize("kid", [None, 7, "", ["x"], "../../etc/passwd", "' OR 1=1 --"])
def test_an_unknown_key_id_is_refused(kid: Any) -> None:
    header = {"typ": "at+jwt", "alg": "ES256", "kid": kid}
    assert rule(unsigned(header, claims(NOW))) == "kid"


def test_a_key_that_is_not_here_yet_can_be_told_from_a_forgery(clock: MovedClock) -> None:
    with pytest.raises(UnknownKey):
        verifier(clock, KEY).verify(signed(OTHER, claims(NOW)))


@pytest.mark.parametrize(
    ("change", "broken"),
    [
        ({"iss": None}, "iss"), ({"iss": "https://evil.example"}, "iss"), ({"iss": 7}, "iss"),
        ({"iss": "https://watchword.example/"}, "iss"), ({"iss": ["https://watchword.example"]}, "iss"),
        ({"aud": None}, "aud"), ({"aud": "other"}, "aud"), ({"aud": []}, "aud"), ({"aud": 7}, "aud"),
        ({"aud": ["watchword", 7]}, "aud"), ({"aud": {"watchword": 1}}, "aud"),
        ({"sub": None}, "sub"), ({"sub": ""}, "sub"), ({"sub": 7}, "sub"),
        ({"exp": None}, "exp"), ({"exp": "tomorrow"}, "exp"), ({"exp": True}, "exp"),
        ({"exp": 1e300}, "exp"), ({"exp": -1}, "exp"), ({"exp": [1]}, "exp"),
        ({"iat": None}, "iat"), ({"iat": NOW + 60}, "iat"), ({"iat": "now"}, "iat"),
        ({"nbf": NOW + 60}, "nbf"), ({"nbf": None}, "nbf"), ({"nbf": "now"}, "nbf"), ({"nbf": False}, "nbf"),
        ({"jti": None}, "jti"), ({"jti": 7}, "jti"), ({"client_id": None}, "client_id"),
        ({"scope": ["a:b"]}, "scope"), ({"scope": 7}, "scope"), ({"roles": "admin"}, "roles"),
        ({"roles": [7]}, "roles"), ({"roles": {"admin": 1}}, "roles"), ({"sid": 7}, "sid"),
        ({"sid": ""}, "sid"), ({"tenant": 7}, "tenant"),
    ],
)  # fmt: skip
def test_a_claim_that_is_missing_mistyped_or_untrue_is_named(
    change: dict[str, Any], broken: str
) -> None:
    assert rule(signed(KEY, claims(NOW, **change))) == broken


def test_a_clock_that_is_a_little_behind_is_tolerated(clock: MovedClock) -> None:
    token = signed(KEY, claims(NOW + 4))
    assert verifier(clock, KEY).verify(token).subject == "alice"


@pytest.mark.parametrize("payload", [b"", b"[]", b"7", b"null", b"{", b'"x"', b"\xff", b'{"exp":NaN}',
                                     b'{"exp":Infinity}', b"[" * 3000])  # fmt: skip
def test_a_payload_that_is_no_json_object_is_refused(payload: bytes) -> None:
    token = signed(KEY, payload) if payload else unsigned({"typ": "at+jwt"}, {})
    assert rule(token) in ("JSON", "JSON object", "kid")


def test_duplicate_members_are_refused() -> None:
    payload = orjson.dumps(claims(NOW))[:-1] + b',"sub":"root"}'
    assert rule(signed(KEY, payload)) == "JSON"
    header = f'{{"alg":"none","alg":"ES256","typ":"at+jwt","kid":"{KEY.kid}"}}'.encode()
    token = ".".join((encode(header), encode(b"{}"), encode(b"x")))
    assert rule(token) == "JSON"


@pytest.mark.parametrize(
    "token",
    ["", ".", "..", "a.b", "a.b.c.d", "a..c", "a.b.", " a.b.c", "a.b.c ", "a.b.c\n", "é.b.c", "a+b.c.d",
     "a=.b.c", "e30.e30.e30.e30.e30"],
)  # fmt: skip
def test_what_is_no_compact_token_is_refused(token: str) -> None:
    assert rule(token) in ("three base64url parts", "base64url", "canonical base64url", "JSON")


def test_another_spelling_of_the_same_signature_is_refused() -> None:
    token = signed(KEY, claims(NOW))
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    # 64 bytes are 86 characters in base64url; the last one has four unused bits.
    twin = token[:-1] + alphabet[alphabet.index(token[-1]) ^ 1]
    assert rule(twin) == "canonical base64url"


@pytest.mark.parametrize(
    "signature", [bytes(64), b"", bytes(63), bytes(65), b"\x30\x06\x02\x01\x00\x02\x01\x00"]
)
def test_psychic_and_misshapen_signatures_are_refused(signature: bytes) -> None:
    text = signed(KEY, claims(NOW)).rpartition(".")[0]
    assert rule(f"{text}.{encode(signature)}") in ("signature", "three base64url parts")


def test_every_single_changed_character_is_refused() -> None:
    token = signed(KEY, claims(NOW))
    for place in range(0, len(token), 7):
        changed = token[:place] + ("A" if token[place] != "A" else "B") + token[place + 1 :]
        rule(changed)


def test_a_huge_token_is_refused_before_it_is_read() -> None:
    assert rule("a" * (LONGEST + 1)) == "size"
    assert rule(signed(KEY, claims(NOW, extra="x" * LONGEST))) == "size"


def test_a_token_seen_before_costs_no_signature(
    clock: MovedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = verifier(clock, KEY)
    token = signed(KEY, claims(NOW))
    first = made.verify(token)
    monkeypatch.setattr("watchword.tokens.verify.check_signature", None)
    assert made.verify(token) is first


def test_what_is_remembered_is_bounded(clock: MovedClock) -> None:
    made = verifier(clock, KEY, memory=3)
    for number in range(10):
        made.verify(signed(KEY, claims(NOW, jti=str(number))))
    assert len(made._known) == 3


def test_a_key_that_is_taken_away_takes_its_remembered_tokens_along(clock: MovedClock) -> None:
    made = verifier(clock, KEY)
    token = signed(KEY, claims(NOW))
    made.verify(token)
    made.use(verifier(clock, OTHER).ring)
    with pytest.raises(UnknownKey):
        made.verify(token)


json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=5,
)
names = st.sampled_from(
    ["iss", "aud", "sub", "exp", "nbf", "iat", "jti", "client_id", "scope", "roles", "sid",
     "ver", "client_ver", "auth_time", "cnf", "tenant"]
)  # fmt: skip


@given(st.dictionaries(names, json, max_size=4))
def test_arbitrary_claims_give_a_well_typed_principal_or_a_refusal(changes: dict[str, Any]) -> None:
    payload = stdlib_json.dumps(claims(NOW) | changes).encode()
    _refused_or_well_typed(signed(KEY, payload))


letters = st.text(st.characters(), max_size=200)
parts = st.text("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_=+/", max_size=60)
compact = st.lists(parts | st.binary(max_size=60).map(encode), min_size=1, max_size=6).map(".".join)


@given(letters | compact | st.binary(max_size=200).map(lambda data: data.decode("latin-1")))
def test_arbitrary_text_is_refused(token: str) -> None:
    with pytest.raises(InvalidToken):
        verifier(MovedClock(), KEY).verify(token)


@given(st.sampled_from([0, 1, 2]), st.data())
def test_a_good_token_that_was_changed_anywhere_is_refused(part: int, data: st.DataObject) -> None:
    split = GOOD.split(".")
    at = data.draw(st.integers(0, len(split[part]) - 1))
    letter = data.draw(st.characters(max_codepoint=255).filter(lambda new: new != split[part][at]))
    split[part] = split[part][:at] + letter + split[part][at + 1 :]
    with pytest.raises(InvalidToken):
        verifier(MovedClock(), KEY).verify(".".join(split))


@given(
    st.dictionaries(st.sampled_from(["typ", "kid", "alg", "crit", "cty", "x"]), json, max_size=3),
    st.dictionaries(names | st.text(max_size=5), json, max_size=4),
)
def test_arbitrary_headers_and_payloads_that_the_real_key_signed_are_refused_or_well_typed(
    header: dict[str, Any], changes: dict[str, Any]
) -> None:
    forge = Forge(KEY, claims(NOW), "https://evil.example")
    said = stdlib_json.dumps(forge.header() | header).encode()
    token = forge.sign(stdlib_json.dumps(claims(NOW) | changes).encode(), header=said)
    _refused_or_well_typed(token)


@given(json)
def test_arbitrary_json_that_the_real_key_signed_is_refused(value: Any) -> None:
    forge = Forge(KEY, claims(NOW), "https://evil.example")
    with pytest.raises(InvalidToken):
        verifier(MovedClock(), KEY).verify(forge.sign(stdlib_json.dumps(value).encode()))


@given(st.binary(max_size=100), st.binary(max_size=100))
def test_arbitrary_bytes_that_the_real_key_signed_are_refused(
    header: bytes, payload: bytes
) -> None:
    forge = Forge(KEY, claims(NOW), "https://evil.example")
    with pytest.raises(InvalidToken):
        verifier(MovedClock(), KEY).verify(forge.sign(payload or b" ", header=header or b" "))
    with pytest.raises(InvalidToken):
        verifier(MovedClock(), KEY).verify(forge.sign(payload or b" "))


def test_what_cannot_be_written_is_refused_before_it_is_looked_for() -> None:
    for token in ("\ud800", GOOD + "\ud800", "\N{SNOWMAN}" * 10, "\0"):
        with pytest.raises(InvalidToken):
            verifier(MovedClock(), KEY).recall(digest_of(token)) or verifier(
                MovedClock(), KEY
            ).verify(token)


def test_what_is_too_long_is_not_even_hashed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("watchword.tokens.verify.hashlib", None)
    assert rule("a" * (LONGEST + 1)) == "size"


def _refused_or_well_typed(token: str) -> None:
    made = verifier(MovedClock(), KEY)
    try:
        found = made.verify(token)
    except (InvalidToken, TokenExpired):
        return
    for name in (found.subject, found.client, found.token_id):
        assert isinstance(name, str)
        assert 0 < len(name) <= LONGEST_NAME
    for name in (found.session, found.grants.tenant, found.key):
        assert name is None or (isinstance(name, str) and 0 < len(name) <= LONGEST_NAME)
    for texts in (found.grants.scopes, found.grants.roles):
        assert isinstance(texts, frozenset)
        assert all(isinstance(text, str) and text.isprintable() and text for text in texts)
    for number in (found.issued_at, found.expires_at, found.authenticated_at):
        assert isinstance(number, float)
        assert 0 <= number < 253_402_300_800
    assert found.issued_at <= NOW + 5
    assert found.expires_at > NOW
    for version in (found.version, found.client_version):
        assert type(version) is int
        assert version >= 0
    assert made.verify(token) is found
