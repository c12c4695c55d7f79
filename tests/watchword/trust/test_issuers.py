"""Tokens of trusted issuers are verified with that issuer's keys, and by rules as strict as for our own."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from tests.support.clock import MovedClock
from tests.support.issuer import JWKS, FakeIssuer, fake_issuer
from tests.support.tokens import key, signed, unsigned
from watchword.config.trusted_issuer import IGNORABLE
from watchword.errors import InvalidToken, TokenExpired, Unsafe, WatchwordError
from watchword.principal import Elsewhere
from watchword.process.background import Background
from watchword.tokens.keys import Key
from watchword.trust.issuers import TrustedIssuers, Verified
from watchword.trust.keys import COOL_DOWN

ROLES = {"admin": frozenset({"toys:all"}), "keeper": frozenset({"toys:count"})}


class Trust:
    """Trusted issuers, with a clock that stands still."""

    def __init__(self, clock: MovedClock, *entries: Any) -> None:
        self.issuers = TrustedIssuers(entries, clock, 5, ROLES, Background(clock))

    async def verify(self, token: str) -> Verified | None:
        issuer = self.issuers.of(token)
        return None if issuer is None else await issuer.verify(token)

    async def rule(self, token: str) -> str:
        with pytest.raises(InvalidToken) as refused:
            await self.verify(token)
        return refused.value.rule


async def test_a_good_token_says_who_it_is(idp: FakeIssuer, clock: MovedClock) -> None:
    verified = await Trust(clock, idp.entry()).verify(idp.token(now=clock.now(), auth_time=5))
    assert verified is not None
    principal = verified.principal
    assert verified.person.subject == "person-1"
    assert (principal.client, principal.token_id) == ("example|front", "example|t1")
    assert principal.grants.roles == {"keeper"}
    assert principal.grants.scopes == {"toys:count"}
    assert (principal.session, principal.authenticated_at) == (None, 5)


async def test_a_token_of_nobody_we_know_is_not_ours_to_judge(
    idp: FakeIssuer, clock: MovedClock
) -> None:
    trust = Trust(clock, idp.entry())
    for iss in ("https://other.example", f"{idp.url}/", idp.url.upper(), None, [idp.url], {}, 1):
        assert await trust.verify(idp.token(now=clock.now(), iss=iss)) is None
    for text in ("", "x", "a.b.c", "a.b", f"{'a' * 9000}"):
        assert await trust.verify(text) is None
    assert idp.asked == []


async def test_two_issuers_with_keys_of_one_id_are_kept_apart(clock: MovedClock) -> None:
    with fake_issuer() as one, fake_issuer() as two:
        trust = Trust(clock, one.entry(name="one"), two.entry(name="two"))
        two.say("/jwks", {"keys": [two.keys[0].jwk() | {"kid": one.keys[0].kid}]})
        header = {"kid": one.keys[0].kid}
        good = await trust.verify(two.token(now=clock.now(), header=header))
        assert good is not None
        assert good.principal.client == "two|front"
        # A token signed by one issuer in the name of another is refused, whether its kid is known or not.
        forged = signed(one.keys[0], two.claims(now=clock.now()))
        assert await trust.rule(forged) == "signature"


@pytest.mark.parametrize(
    ("changes", "rule"),
    [
        ({"aud": "another"}, "aud"), ({"aud": None}, "aud"), ({"aud": ["x", 1]}, "aud"), ({"aud": []}, "aud"),
        ({"sub": None}, "sub"), ({"sub": 1}, "sub"), ({"exp": None}, "exp"), ({"exp": "1"}, "exp"),
        ({"exp": True}, "exp"), ({"iat": None}, "iat"), ({"iat": "now"}, "iat"), ({"iat": 4e9}, "iat"),
        ({"nbf": 4e9}, "nbf"), ({"nbf": []}, "nbf"), ({"nonce": "n"}, "nonce"), ({"at_hash": "h"}, "at_hash"),
        ({"events": {}}, "events"), ({"cnf": {"x5t#S256": "x"}}, "cnf"), ({"cnf": "x"}, "cnf"),
        ({"auth_time": 4e9}, "auth_time"), ({"auth_time": "1"}, "auth_time"), ({"roles": 1}, "roles"),
        ({"amr": 1}, "amr"), ({"amr": [1]}, "amr"), ({"amr": ["a\n"]}, "amr"), ({"acr": 1}, "acr"), ({"acr": ""}, "acr"),
        ({"client_id": 1}, "client_id"), ({"jti": 1}, "jti"), ({"jti": ""}, "jti"),
    ],
)  # fmt: skip
async def test_each_claim_is_checked(
    idp: FakeIssuer, clock: MovedClock, changes: dict[str, Any], rule: str
) -> None:
    trust = Trust(clock, idp.entry())
    assert await trust.rule(idp.token(now=clock.now(), **changes)) == rule


@pytest.mark.parametrize(
    ("entry", "at", "front_end", "steps_up"),
    [
        ({}, 5, False, True),
        ({"first_party": ["other", "front"]}, 5, True, True),
        ({"first_party": ["fron", "example|front", "FRONT"]}, 5, False, True),
        ({"auth_time": None}, 0, False, False),
        ({"auth_time": "https://x.example/at"}, 7, False, True),
        ({"auth_time": "nothing"}, 0, False, True),
    ],
)
async def test_the_settings_say_whether_a_client_is_ours_and_when_somebody_authenticated(
    entry: dict[str, Any],
    at: int,
    front_end: bool,
    steps_up: bool,
    idp: FakeIssuer,
    clock: MovedClock,
) -> None:
    said = {"auth_time": 5, "https://x.example/at": 7}
    verified = await Trust(clock, idp.entry(**entry)).verify(idp.token(now=clock.now(), **said))
    assert verified is not None
    principal = verified.principal
    assert principal.authenticated_at == at
    assert principal.elsewhere == Elsewhere(idp.url, front_end, steps_up)
    assert principal.is_first_party is front_end


async def test_a_client_is_a_front_end_of_ours_at_the_issuer_that_names_it_and_at_no_other(
    clock: MovedClock,
) -> None:
    with fake_issuer() as one, fake_issuer() as two:
        trust = Trust(
            clock,
            one.entry(name="one", first_party=["front"]),
            two.entry(name="two", first_party=["one|front", "other"]),
        )
        for issuer, client, is_first_party in (
            (one, "front", True),
            (two, "front", False),
            (two, "one|front", True),
            (one, "two|other", False),
            # A client with the name of our own sign-in is not first party either.
            (two, "watchword", False),
        ):
            token = issuer.token(now=clock.now(), client_id=client, azp="front")
            verified = await trust.verify(token)
            assert verified is not None
            assert verified.principal.is_first_party is is_first_party, client


async def test_an_old_token_has_expired(idp: FakeIssuer, clock: MovedClock) -> None:
    with pytest.raises(TokenExpired):
        await Trust(clock, idp.entry()).verify(idp.token(now=clock.now() - 7200))


@pytest.mark.parametrize(
    "typ", ["JWT", "jwt", "id_token", "logout+jwt", "dpop+jwt", None, 1, "", ["at+jwt"]]
)
async def test_another_type_is_refused(idp: FakeIssuer, clock: MovedClock, typ: Any) -> None:
    header = {"typ": typ, "kid": idp.keys[0].kid, "alg": "ES256"}
    trust = Trust(clock, idp.entry())
    # The typ is checked before the signature.
    assert await trust.rule(unsigned(header, idp.claims(now=clock.now()))) == "typ"
    assert idp.asked == []


async def test_types_that_the_settings_name_are_taken(idp: FakeIssuer, clock: MovedClock) -> None:
    entry = idp.entry(types=["JWT", None], required_claims={"token_use": "access"})
    trust = Trust(clock, entry)
    for typ in ("JWT", "application/jwt", None):
        good = idp.token(now=clock.now(), header={"typ": typ}, token_use="access")
        assert await trust.verify(good) is not None
    header = {"typ": "JWT"}
    assert await trust.rule(idp.token(now=clock.now(), header=header)) == "token_use"
    assert (
        await trust.rule(idp.token(now=clock.now(), header=header, token_use="id")) == "token_use"
    )
    assert await trust.rule(idp.token(now=clock.now(), token_use="access")) == "typ"


async def test_a_token_without_a_known_key_is_refused(idp: FakeIssuer, clock: MovedClock) -> None:
    trust = Trust(clock, idp.entry())
    assert await trust.rule(idp.token(key(), now=clock.now())) == "kid"
    for kid in (None, 1, [], ""):
        token = unsigned({"typ": "at+jwt", "alg": "ES256", "kid": kid}, idp.claims(now=clock.now()))
        assert await trust.rule(token) == "kid"


async def test_keys_of_one_id_are_told_apart_by_what_they_are_for(
    idp: FakeIssuer, clock: MovedClock
) -> None:
    idp.keys = [replace(key(algorithm), kid="2026") for algorithm in ("RS256", "ES256")]
    other = key("RS256").jwk() | {"kid": "2026", "use": "enc"}
    idp.say(JWKS, {"keys": [other, *(signer.jwk() for signer in idp.keys)]})
    trust = Trust(clock, idp.entry())
    for signer in idp.keys:
        assert await trust.verify(idp.token(signer, now=clock.now())) is not None
        forged = idp.token(replace(key(signer.algorithm), kid="2026"), now=clock.now())
        assert await trust.rule(forged) == "signature"


@pytest.mark.parametrize("more", [{}, {"x5t": "AAAA"}])
async def test_a_token_that_names_no_key_is_checked_with_the_keys_that_have_no_name(
    more: dict[str, str], idp: FakeIssuer, clock: MovedClock
) -> None:
    idp.keys = [key(), key("RS256"), key()]
    named, *nameless = idp.keys

    def publish(*signers: Key) -> None:
        without = [{k: v for k, v in each.jwk().items() if k != "kid"} | more for each in signers]
        idp.say(JWKS, {"keys": [named.jwk(), *without]})

    def anonymous(signer: Key) -> str:
        return idp.token(signer, {"kid": None, **more}, now=clock.now())

    publish(nameless[0])
    trust = Trust(clock, idp.entry())
    assert await trust.verify(anonymous(nameless[0])) is not None
    assert await trust.rule(anonymous(named)) == "alg"
    assert await trust.rule(anonymous(key("RS256"))) == "signature"
    # A token that names a kid is not checked with keys that have none.
    assert await trust.rule(idp.token(nameless[0], now=clock.now())) == "kid"
    before = idp.count(JWKS)
    publish(nameless[1])
    assert await trust.rule(anonymous(nameless[1])) == "alg"
    clock.move(COOL_DOWN)
    assert await trust.verify(anonymous(nameless[1])) is not None
    assert idp.count(JWKS) == before + 1


@pytest.mark.parametrize("name", IGNORABLE)
async def test_what_a_header_says_of_keys_is_ignored_where_the_settings_say_so_and_refused_elsewhere(
    name: str, idp: FakeIssuer, clock: MovedClock
) -> None:
    with fake_issuer() as attacker:
        mine = replace(attacker.keys[0], kid=idp.keys[0].kid)
        place = f"{attacker.url}{JWKS}"
        value = {"jku": place, "x5u": place, "jwk": mine.jwk(), "x5c": ["AAAA"]}[name]
        good = idp.token(now=clock.now(), header={name: value})
        forged = idp.token(mine, now=clock.now(), header={name: value})
        strict, lenient = (Trust(clock, idp.entry(ignored_headers=names)) for names in ([], [name]))
        assert await strict.rule(good) == f"header {name}"
        assert await lenient.verify(good) is not None
        assert await lenient.rule(forged) == "signature"
        header = {"typ": "at+jwt", "alg": "ES256", "kid": mine.kid}
        for other in {*IGNORABLE} - {name}:
            assert await lenient.rule(unsigned(header | {other: 1}, {"iss": idp.url})) == (
                f"header {other}"
            )
        assert attacker.asked == []


async def test_the_algorithm_is_the_keys_own(idp: FakeIssuer, clock: MovedClock) -> None:
    trust = Trust(clock, idp.entry())
    for alg in ("none", "None", "HS256", "RS256", "ES384", "", None, 1):
        header = {"typ": "at+jwt", "alg": alg, "kid": idp.keys[0].kid}
        assert await trust.rule(unsigned(header, idp.claims(now=clock.now()))) == "alg"


def test_a_role_that_nobody_knows_stops_the_server(idp: FakeIssuer, clock: MovedClock) -> None:
    for entry in ({"role_map": {"Staff": "kepeer"}}, {"default_roles": ["kepeer"]}):
        with pytest.raises(Unsafe, match="'kepeer'"):
            TrustedIssuers([idp.entry(**entry)], clock, 5, ROLES, Background(clock))


@pytest.mark.parametrize("name", ["sub", "roles", "scope", "tenant", "exp"])
def test_a_kept_claim_has_no_name_of_ours(name: str, idp: FakeIssuer, clock: MovedClock) -> None:
    with pytest.raises(Unsafe, match=f"keeps the claim '{name}'"):
        TrustedIssuers([idp.entry(claims={name: "x"})], clock, 5, ROLES, Background(clock))


async def test_kept_claims_are_on_the_principal_and_those_that_rules_read_in_its_grants(
    idp: FakeIssuer, clock: MovedClock
) -> None:
    entry = idp.entry(claims={"unit": "org.unit", "level": "level"})
    known = TrustedIssuers([entry], clock, 5, ROLES, Background(clock), frozenset({"unit"}))
    claims = idp.claims(now=clock.now()) | {"org": {"unit": "law"}, "level": 1, "other": 2}
    token = signed(idp.keys[0], _json(claims))
    verifier = known.of(token)
    assert verifier is not None
    principal = (await verifier.verify(token)).principal
    assert principal.claims == {"unit": "law", "level": 1}
    assert principal.grants.claims == {"unit": "law"}


async def test_arbitrary_claims_give_a_principal_or_a_refusal(
    idp: FakeIssuer, clock: MovedClock
) -> None:
    odd = (None, True, 0, -1, 1e300, 10**400, "", "x" * 4000, "\x00", [], [[]], {}, {"a": []})
    trust = Trust(
        clock, idp.entry(roles=["roles", "a.b"], scopes="scope", tenant="tenant", claims=["a"])
    )
    for name in (*idp.claims(), "nbf", "auth_time", "cnf", "tenant", "scope", "a", "email", "name"):
        for value in odd:
            claims = idp.claims(now=clock.now()) | {name: value}
            try:
                await trust.verify(signed(idp.keys[0], _json(claims)))
            except WatchwordError:
                continue


def _json(claims: dict[str, Any]) -> bytes:
    return json.dumps(claims).encode()
