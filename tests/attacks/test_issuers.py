"""Attacks by way of trusted issuers: on one real server, over HTTP and over the socket.

Each is refused with the right status, never 500, and no URL is fetched that the settings do not name.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import httpx2
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tests.support.clients import WebSocketClient
from tests.support.issuer import AUDIENCE, JWKS, OPENID, FakeIssuer, fake_issuer
from tests.support.server import LiveServer, live_server
from tests.support.tokens import key, signed, unsigned
from watchword.tokens.keys import Key, encode
from watchword.trust.fetch import LARGEST

VIEWER = {"query": "{ viewer { id roles scopes } }"}


@dataclass
class Scene:
    """A server, an issuer that it trusts, another one, one that says odd dates, and an attacker that
    nobody trusts."""

    server: LiveServer
    idp: FakeIssuer
    other: FakeIssuer
    odd: FakeIssuer
    attacker: FakeIssuer
    bad: dict[str, FakeIssuer]

    def ask(self, token: str) -> httpx2.Response:
        headers = {"authorization": f"Bearer {token}"}
        return httpx2.post(f"{self.server.url}/graphql", json=VIEWER, headers=headers)

    async def close_code(self, token: str) -> int | None:
        async with WebSocketClient.open(f"{self.server.url}/graphql") as client:
            payload = {"authorization": f"Bearer {token}"}
            await client.send({"type": "connection_init", "payload": payload})
            return (await client.closed())[0]

    async def refuses(self, token: str) -> None:
        answer = self.ask(token)
        assert answer.status_code == 401, answer.text
        assert 'error="invalid_token"' in answer.headers["www-authenticate"]
        assert await self.close_code(token) == 4401
        assert self.attacker.asked == []
        assert token[-40:] not in self.server.log


def _redirects(bad: FakeIssuer, attacker: FakeIssuer) -> None:
    bad.say(JWKS, {}, 302, location=f"{attacker.url}{JWKS}")


def _names_another_place(bad: FakeIssuer, attacker: FakeIssuer) -> None:
    bad.say(OPENID, {"issuer": bad.url, "jwks_uri": f"{attacker.url}{JWKS}"})


def _is_another(bad: FakeIssuer, attacker: FakeIssuer) -> None:
    bad.say(OPENID, {"issuer": attacker.url, "jwks_uri": f"{bad.url}{JWKS}"})


def _is_huge(bad: FakeIssuer, _attacker: FakeIssuer) -> None:
    padding = "x" * 20 * LARGEST
    bad.say(JWKS, {"keys": [jwk.jwk() for jwk in bad.keys], "padding": padding})


def _hangs(bad: FakeIssuer, _attacker: FakeIssuer) -> None:
    bad.hang(JWKS)


def _is_a_page(bad: FakeIssuer, _attacker: FakeIssuer) -> None:
    bad.say(JWKS, {"keys": [bad.keys[0].jwk()]}, content_type="text/html")


UNUSABLE: dict[str, Callable[[FakeIssuer, FakeIssuer], None]] = {
    "redirects": _redirects,
    "names-another-place": _names_another_place,
    "is-another": _is_another,
    "is-huge": _is_huge,
    "hangs": _hangs,
    "is-a-page": _is_a_page,
}


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    with ExitStack() as stack:
        idp, other, odd, attacker = (stack.enter_context(fake_issuer()) for _ in range(4))
        bad = {name: stack.enter_context(fake_issuer()) for name in UNUSABLE}
        for name, spoil in UNUSABLE.items():
            spoil(bad[name], attacker)
        # The other issuer has a key with the same id, and keys that must not be used.
        other.keys = [Key(idp.keys[0].kid, "ES256", other.keys[0].private), *_unusable()]
        # And an encryption key with that id too, as some issuers publish.
        twin = key("RS256").jwk() | {"kid": idp.keys[0].kid, "use": "enc"}
        other.say(JWKS, {"keys": [twin, *(each.jwk() for each in other.keys)]})
        trusted = [
            idp.setting(),
            other.setting(name="other"),
            odd.setting(name="odd"),
            *(issuer.setting(name=name) for name, issuer in bad.items()),
        ]
        environment = {"WATCHWORD_TRUSTED_ISSUERS": json.dumps(trusted)}
        home = tmp_path_factory.mktemp("issuers")
        server = stack.enter_context(live_server(home, **environment))
        made = Scene(server, idp, other, odd, attacker, bad)
        assert made.ask(idp.token()).status_code == 200
        assert made.ask(other.token()).status_code == 200
        yield made


def _unusable() -> list[Key]:
    small = rsa.generate_private_key(public_exponent=65537, key_size=1024)
    return [Key("small", "RS256", small)]


def attacks(scene: Scene) -> dict[str, str]:
    """Return forged tokens of the trusted issuer, by their fault."""
    idp, attacker, mine = scene.idp, scene.attacker, key()
    kid, place = idp.keys[0].kid, f"{attacker.url}{JWKS}"
    good, claims = idp.token(), idp.claims()
    public = idp.keys[0].public
    pem = public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    made = {
        "another's key": signed(mine, claims),
        "another's key under the right id": signed(mine, claims, kid=kid),
        "another trusted issuer's key": signed(scene.other.keys[0], claims),
        "the name of another trusted issuer": signed(idp.keys[0], scene.other.claims()),
        "a small key": _by_small_key(scene.other),
        "our own server in its name": signed(
            idp.keys[0], claims | {"iss": "http://127.0.0.1:8000"}
        ),
        "the public key as a secret": _by_secret(pem, claims, kid),
        "no signature": good.rpartition(".")[0] + ".",
        "a signature of nothing": good.rpartition(".")[0] + "." + encode(bytes(64)),
        "an id token": idp.token(nonce="n"),
        "a logout token": idp.token(events={}),
        "a DPoP proof": idp.token(header={"typ": "dpop+jwt"}),
        "a plain JWT": idp.token(header={"typ": "JWT"}),
        "another audience": idp.token(aud="https://other.example"),
        "no audience": idp.token(aud=None),
        "no subject": idp.token(sub=None),
        "a subject of NUL": idp.token(sub="a\x00"),
        "bound by what nobody knows": idp.token(cnf={"x5t#S256": "x"}),
        "issued in the future": idp.token(iat=4_000_000_000),
    }
    for alg in ("none", "None", "nOnE", "HS256", "RS256", ""):
        header = {"typ": "at+jwt", "kid": kid, "alg": alg}
        made[f"alg {alg!r}"] = unsigned(header, claims)
    places = {
        "jku": place,
        "x5u": place,
        "jwk": mine.jwk(),
        "x5c": ["MIIB"],
        "crit": ["exp"],
        "b64": False,
    }
    for name, value in places.items():
        made[f"header {name}"] = signed(mine, claims, kid=kid, **{name: value})
        made[f"header {name} of a good token"] = idp.token(header={name: value})
    for odd in (place, "../../etc/passwd", "' OR 1=1 --", "x" * 3000, "\x00", "small"):
        made[f"kid {odd[:20]!r}"] = signed(mine, claims, kid=odd)
    for claim in ("iss", "jwks_uri", "sub"):
        made[f"{claim} of the attacker"] = signed(mine, claims | {claim: attacker.url}, jku=place)
    return made


def _by_small_key(idp: FakeIssuer) -> str:
    # PyJWT refuses to sign with this key.
    header = {"typ": "at+jwt", "kid": "small", "alg": "RS256"}
    text = unsigned(header, idp.claims()).rpartition(".")[0]
    private = idp.keys[1].private
    assert isinstance(private, rsa.RSAPrivateKey)
    return f"{text}.{encode(private.sign(text.encode(), PKCS1v15(), SHA256()))}"


def _by_secret(secret: bytes, claims: dict[str, Any], kid: str) -> str:
    text = unsigned({"typ": "at+jwt", "kid": kid, "alg": "HS256"}, claims).rpartition(".")[0]
    return f"{text}.{encode(hmac.digest(secret, text.encode(), hashlib.sha256))}"


async def test_each_forged_token_is_refused_and_no_other_server_is_asked(scene: Scene) -> None:
    for name, token in attacks(scene).items():
        try:
            await scene.refuses(token)
        except AssertionError as error:
            raise AssertionError(f"with {name}: {error}") from error
    assert scene.ask(scene.idp.token()).status_code == 200
    assert " ERROR " not in scene.server.log


async def test_an_old_token_has_expired(scene: Scene) -> None:
    token = scene.idp.token(now=1_000_000_000)
    answer = scene.ask(token)
    assert answer.status_code == 401
    assert answer.json()["errors"][0]["extensions"]["code"] == "TOKEN_EXPIRED"
    assert await scene.close_code(token) == 4403


@pytest.mark.parametrize("name", UNUSABLE)
async def test_untrusted_keys_verify_no_token(scene: Scene, name: str) -> None:
    token = scene.bad[name].token()
    answer = scene.ask(token)
    assert answer.status_code == 503, answer.text
    assert await scene.close_code(token) == 1013
    assert scene.attacker.asked == []


async def test_an_odd_date_is_never_our_fault(scene: Scene) -> None:
    scene.odd.headers["expires"] = "Thu, 01 Jan 99999999999999999999 00:00:00 GMT"
    answer = scene.ask(scene.odd.token())
    assert answer.status_code == 200, answer.text
    assert " ERROR " not in scene.server.log


def test_a_flood_of_unknown_keys_is_a_question_or_two(scene: Scene) -> None:
    before = scene.idp.count(JWKS)
    with httpx2.Client() as client:
        for number in range(200):
            token = signed(scene.idp.keys[0], scene.idp.claims(), kid=f"guess-{number}")
            headers = {"authorization": f"Bearer {token}"}
            answer = client.post(f"{scene.server.url}/graphql", json=VIEWER, headers=headers)
            assert answer.status_code == 401
    # The cool-down is ten seconds; on a slow machine a second one may begin.
    assert scene.idp.count(JWKS) <= before + 3


def test_odd_claims_are_never_our_fault(scene: Scene) -> None:
    odd = (None, True, -1, 1e300, "", "x" * 4000, "\x00", "\ud800", [], [[]], {}, {"a": []})
    idp = scene.idp
    with httpx2.Client() as client:
        for name in (*idp.claims(), "nbf", "auth_time", "cnf", "email", "email_verified", "name"):
            for value in odd:
                payload = json.dumps(idp.claims() | {"email_verified": True, name: value}).encode()
                headers = {"authorization": f"Bearer {signed(idp.keys[0], payload)}"}
                answer = client.post(f"{scene.server.url}/graphql", json=VIEWER, headers=headers)
                assert answer.status_code in (200, 401), (name, value, answer.text)


def test_an_address_at_another_issuer_takes_over_no_account(scene: Scene) -> None:
    body = {"email": scene.server.email, "password": scene.server.password}
    own = httpx2.post(f"{scene.server.url}/api/auth/login", json=body).json()["access_token"]
    claims = {
        "email": scene.server.email,
        "email_verified": True,
        "sub": "thief",
        "roles": ["viewer"],
    }
    said = [scene.ask(token).json() for token in (own, scene.idp.token(**claims))]
    mine, thiefs = (answer["data"]["viewer"] for answer in said)
    assert mine["id"] != thiefs["id"]
    assert thiefs["roles"] == ["viewer"]


def test_a_client_of_another_issuer_is_not_ours_by_its_name(scene: Scene) -> None:
    token = scene.idp.token(client_id="watchword", roles=["admin"], auth_time=None)
    answer = httpx2.post(
        f"{scene.server.url}/graphql",
        json={"query": "{ sessions { id } }"},
        headers={"authorization": f"Bearer {token}"},
    )
    (error,) = answer.json()["errors"]
    assert error["extensions"]["code"] == "FORBIDDEN", answer.text


def test_the_audience_is_not_a_part_of_another(scene: Scene) -> None:
    for audience in (
        f"{AUDIENCE}/",
        AUDIENCE.upper(),
        f"{AUDIENCE} x",
        [f"{AUDIENCE}.evil.example"],
    ):
        assert scene.ask(scene.idp.token(aud=audience)).status_code == 401
