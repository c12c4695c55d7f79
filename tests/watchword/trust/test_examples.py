"""The settings that docs/how-to/sign-in-with-an-identity-provider.md gives for well-known providers, with tokens of those providers' shapes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest

from incident_room.scopes import ROLES
from tests.support.clock import MovedClock
from tests.support.issuer import JWKS, FakeIssuer, fake_issuer
from tests.support.tokens import key, signed
from watchword.config.settings import read
from watchword.config.trusted_issuer import TrustedIssuer
from watchword.errors import InvalidToken
from watchword.process.background import Background
from watchword.tokens.keys import Key
from watchword.trust.issuers import IssuerVerifier, TrustedIssuers

EXAMPLES = (Path(__file__).parent / "examples.json").read_text()
NOW = int(MovedClock().now())
TIMES = {"iat": NOW, "exp": NOW + 3600}
KEY = key("RS256")
# The token's header has no typ.
ABSENT = None

KEYCLOAK = {
    **TIMES,
    "auth_time": NOW - 30,
    "jti": "onrtac:8f0ecd6f-2a1f-4f0e-9d0b-2f2f7e9a3d11",
    "iss": "https://sso.example.com/realms/acme",
    "aud": ["watchword", "account"],
    "sub": "f1b2f6a4-7c1d-4c8a-9a51-3a1f2b6c7d8e",
    "typ": "Bearer",
    "azp": "front",
    "sid": "0a6d5f8e-0b6f-4b9e-8f43-9a9a6c9d3e21",
    "acr": "1",
    "allowed-origins": ["https://app.example.com"],
    "realm_access": {"roles": ["offline_access", "staff", "admin", "default-roles-acme"]},
    "resource_access": {
        "watchword": {"roles": ["incident-commander"]},
        "account": {"roles": ["manage-account", "view-profile"]},
    },
    "scope": "openid email profile",
    "email_verified": True,
    "name": "Ann Example",
    "preferred_username": "ann",
    "email": "ann@example.com",
}
AUTH0 = {
    **TIMES,
    "https://example.com/roles": ["responder", "Sales"],
    "iss": "https://acme.eu.auth0.com/",
    "sub": "auth0|65f1c2d3e4a5b6c7d8e9f0a1",
    "aud": ["https://watchword.example.com", "https://acme.eu.auth0.com/userinfo"],
    "scope": "openid profile email incidents:read",
    "jti": "wq2Zl0nKq3yT5cYx8uVb1a",
    "client_id": "kX9aB3cD4eF5gH6iJ7kL8mN9oP0qR1sT",
    "permissions": ["incidents:read", "incidents:write", "billing:read"],
}
ENTRA = {
    **TIMES,
    "nbf": NOW,
    "aud": "6e74172b-be56-4843-9ff4-e66a39bb12e3",
    "iss": "https://login.microsoftonline.com/9188040d-6c67-4c5b-b112-36a304b66dad/v2.0",
    "aio": "AXQAi/8IAAAAtAaZLo3ChMif6KOnttRB7eBq4/DccQzjcJGxPYy",
    "azp": "1ab4c5d6-0000-4444-8888-abcdefabcdef",
    "azpacr": "0",
    "name": "Ann Example",
    "oid": "690222be-ff1a-4d56-abd1-7e4f7d38e474",
    "preferred_username": "ann@contoso.example",
    "rh": "0.AXcAAAB3A",
    "roles": ["Incident.Commander"],
    "scp": "Incidents.Read Incidents.Write User.Read",
    "sub": "HKZpfaHyWadeOouYlitjrI-KffTm222X5rrV3xDqfKQ",
    "tid": "9188040d-6c67-4c5b-b112-36a304b66dad",
    "uti": "fqiBqXLPj0eQa82S-IYFAA",
    "ver": "2.0",
}
COGNITO = {
    **TIMES,
    "sub": "a1b2c3d4-5678-90ab-cdef-EXAMPLE11111",
    "cognito:groups": ["commanders", "newsletter"],
    "iss": "https://cognito-idp.eu-central-1.amazonaws.com/eu-central-1_AbCdEfGhI",
    "version": 2,
    "client_id": "1example23456789",
    "origin_jti": "b1b2c3d4-5678-90ab-cdef-EXAMPLE22222",
    "event_id": "c1b2c3d4-5678-90ab-cdef-EXAMPLE33333",
    "token_use": "access",
    "scope": "openid watchword/incidents.read",
    "auth_time": NOW - 60,
    "jti": "d1b2c3d4-5678-90ab-cdef-EXAMPLE44444",
    "username": "ann",
}


class Provider:
    """An example's entry, with keys that a local server publishes in the form of that provider."""

    def __init__(self, idp: FakeIssuer, entry: dict[str, Any]) -> None:
        (known,) = read(trusted_issuers=json.dumps([entry])).trusted_issuers
        local = known.model_copy(update={"jwks_url": f"{idp.url}{JWKS}"})
        self.entry: TrustedIssuer = local
        self.issuer = IssuerVerifier(local, MovedClock(), 5, ROLES, Background(MovedClock()))

    async def verify(self, claims: dict[str, Any], typ: str | None, /, **changes: Any) -> Any:
        payload = {name: value for name, value in (claims | changes).items() if value is not ABSENT}
        return await self.issuer.verify(token(KEY, payload, typ))

    async def rule(self, claims: dict[str, Any], typ: str | None, /, **changes: Any) -> str:
        with pytest.raises(InvalidToken) as refused:
            await self.verify(claims, typ, **changes)
        return refused.value.rule


def token(signer: Key, payload: dict[str, Any], typ: str | None) -> str:
    # PyJWT leaves typ out if it is None.
    return signed(signer, orjson.dumps(payload), typ=typ)


@pytest.fixture
def idp() -> Iterator[FakeIssuer]:
    with fake_issuer() as issuer:
        # Entra's keys have no alg; their other members are ignored.
        jwk = KEY.jwk() | {"x5t": KEY.kid, "x5c": ["MIIC"], "issuer": "https://login.example"}
        del jwk["alg"]
        encrypting = key("RS256").jwk() | {"use": "enc", "alg": "RSA-OAEP"}
        issuer.say(JWKS, {"keys": [encrypting, jwk]})
        yield issuer


def provider(idp: FakeIssuer, name: str) -> Provider:
    return Provider(idp, next(one for one in json.loads(EXAMPLES) if one["name"] == name))


def test_all_examples_are_one_setting() -> None:
    known = read(trusted_issuers=EXAMPLES).trusted_issuers
    TrustedIssuers(known, MovedClock(), 5, ROLES, Background(MovedClock()))


async def test_keycloak(idp: FakeIssuer) -> None:
    keycloak = provider(idp, "keycloak")
    verified = await keycloak.verify(KEYCLOAK, "JWT")
    principal = verified.principal
    # The realm's role admin does not give our role admin.
    assert principal.grants.roles == {"commander", "responder"}
    assert principal.grants.scopes == ROLES["commander"]
    assert principal.client == "keycloak|front"
    assert principal.authenticated_at == NOW - 30
    assert verified.person.subject == KEYCLOAK["sub"]
    assert (verified.person.email, verified.person.name) == ("ann@example.com", "Ann Example")
    for other in ("ID", "Refresh", "Offline", "Logout", ABSENT):
        assert await keycloak.rule(KEYCLOAK, "JWT", typ=other) == "typ"
    assert await keycloak.rule(KEYCLOAK, "JWT", aud="account") == "aud"


async def test_auth0(idp: FakeIssuer) -> None:
    auth0 = provider(idp, "auth0")
    verified = await auth0.verify(AUTH0, "at+jwt")
    assert verified.principal.grants.roles == {"responder"}
    assert verified.principal.grants.scopes == {"incidents:read", "incidents:write"}
    assert verified.person.subject == AUTH0["sub"]
    assert verified.person.email is None
    assert await auth0.rule(AUTH0, "JWT") == "typ"
    assert await auth0.rule(AUTH0, "at+jwt", aud=AUTH0["client_id"]) == "aud"
    # This provider's issuer ends with a slash.
    assert await auth0.rule(AUTH0, "at+jwt", iss="https://acme.eu.auth0.com") == "iss"


async def test_entra(idp: FakeIssuer) -> None:
    entra = provider(idp, "entra")
    verified = await entra.verify(ENTRA, "JWT")
    principal = verified.principal
    assert principal.grants.roles == {"commander"}
    assert principal.grants.scopes == {"incidents:read", "incidents:write"}
    assert principal.grants.tenant == ENTRA["tid"]
    assert principal.token_id == f"entra|{ENTRA['uti']}"
    assert verified.person.subject == ENTRA["oid"]
    # The provider has not verified the address: it could be another person's.
    assert (await entra.verify(ENTRA, "JWT", email="boss@example.com")).person.email is None
    id_token = ENTRA | {"azp": ABSENT, "azpacr": ABSENT, "scp": ABSENT}
    assert await entra.rule(id_token, "JWT") == "azpacr"
    assert await entra.rule(id_token | {"nonce": "n"}, "JWT") == "nonce"
    assert await entra.rule(ENTRA, "JWT", ver="1.0") == "ver"


async def test_cognito(idp: FakeIssuer) -> None:
    cognito = provider(idp, "cognito")
    verified = await cognito.verify(COGNITO, ABSENT)
    principal = verified.principal
    assert principal.grants.roles == {"commander"}
    assert principal.grants.scopes == {"incidents:read"}
    assert principal.client == "cognito|1example23456789"
    assert (verified.person.subject, verified.person.name) == (COGNITO["sub"], "ann")
    id_token = COGNITO | {"token_use": "id", "aud": COGNITO["client_id"], "client_id": ABSENT}
    assert await cognito.rule(id_token, ABSENT) == "token_use"
    assert await cognito.rule(COGNITO, ABSENT, client_id="another") == "aud"
    assert await cognito.rule(COGNITO, "JWT") == "typ"
