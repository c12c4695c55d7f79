"""Attacks on clients, their tokens, and the token, revocation and introspection endpoints.

Each is refused with the status and the error that the RFCs name, and none ends in a 500.
"""

from __future__ import annotations

import asyncio
import base64
import hmac
import logging
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tests.support.clock import MovedClock
from tests.support.identity import ORIGIN
from tests.support.oauth import APP, MACHINE, RegisteredClient, TokenDesk, keyed, token_desk
from tests.support.tokens import unsigned
from watchword.oauth.clients.client_assertion import TYPE
from watchword.oauth.clients.registration import ClientAuthMethod, Registration
from watchword.storage.database import Database
from watchword.tokens.keys import Key, generate

GRANT = {"grant_type": "client_credentials"}
FORM = {"content-type": "application/x-www-form-urlencoded"}
ENDPOINTS = ("/oauth/token", "/oauth/revoke", "/oauth/introspect")
PATIENT = {"sign_in_limit_per_address": "100000 per minute"}


@pytest.fixture
async def desk(sqlite_url: str, clock: MovedClock) -> AsyncIterator[TokenDesk]:
    database = Database(sqlite_url)
    async with token_desk(database, clock, **PATIENT) as opened:
        yield opened
    await database.close()


async def refusal(desk: TokenDesk, form: Any, path: str = "/oauth/token", **rest: Any) -> Any:
    """Post a request that must be refused; return its status and error."""
    response = await desk.post(path, form, **rest)
    assert response.headers["cache-control"] == "no-store"
    assert response.status_code in range(400, 500), response.text
    assert set(response.json()) == {"error", "error_description"}
    return response.status_code, response.json()["error"]


def asserted(assertion: str) -> dict[str, str]:
    return GRANT | {"client_assertion_type": TYPE, "client_assertion": assertion}


def basic(text: str) -> dict[str, str]:
    return {"authorization": f"Basic {base64.b64encode(text.encode()).decode()}"}


async def test_a_client_that_authenticates_in_two_ways(desk: TokenDesk) -> None:
    machine = await desk.register()
    asked, key = keyed()
    signer = await desk.register(asked, key)
    assertion = signer.assertion(desk.clock.now())
    in_form = GRANT | {"client_id": machine.id, "client_secret": machine.secret}
    invalid = (400, "invalid_request")
    assert await refusal(desk, in_form, auth=machine.basic) == invalid
    assert await refusal(desk, asserted(assertion), auth=machine.basic) == invalid
    assert await refusal(desk, in_form | asserted(assertion)) == invalid
    assert (await desk.post("/oauth/token", asserted(assertion))).status_code == 200


async def test_a_secret_of_another_client_or_of_nobody(desk: TokenDesk) -> None:
    one, other = await desk.register(), await desk.register()
    app = await desk.register(APP)
    asked, key = keyed()
    signer = await desk.register(asked, key)
    denied = (401, "invalid_client")
    for id, secret in (
        (one.id, other.secret),
        (one.id, ""),
        (one.id, one.id),
        (app.id, one.secret),
        (signer.id, one.secret),
        ("watchword", one.secret),
        ("client_none", "x"),
        ("' OR 1=1 --", "x"),
    ):
        form = GRANT | {"client_id": id, "client_secret": secret}
        assert await refusal(desk, form) == denied
    for id in (one.id, signer.id, "watchword"):
        assert await refusal(desk, GRANT | {"client_id": id}) == denied
    form = GRANT | {"client_id": other.id}
    assert await refusal(desk, form, auth=one.basic) == (400, "invalid_request")


@pytest.mark.parametrize(
    "header",
    [
        "Basic",
        "Basic ",
        "Basic !!!",
        "Basic a",
        "Basic YQ==",
        "Basic Og==",
        "Basic /////w==",
        "Basic YTpi YTpi",
        "Basic YTpi,Basic YTpi",
        "Bearer YTpi",
        "Digest YTpi",
        "YTpi",
        " ",
        "Basic " + "QUFB" * 5000,
    ],
)
async def test_a_malformed_authorization_header_is_refused(desk: TokenDesk, header: str) -> None:
    app = await desk.register(APP)
    form = {"grant_type": "refresh_token", "refresh_token": "x", "client_id": app.id}
    expected = (401, "invalid_client")
    assert await refusal(desk, form, headers={"authorization": header}) == expected
    for pair in ("\x00:\x00", "%00:%00", "a:%ff", "%ff:a", "é:é", "a\nb:c", ":", "a:"):
        assert (await refusal(desk, form, headers=basic(pair)))[0] in (400, 401)


async def test_two_authorization_headers(desk: TokenDesk) -> None:
    machine = await desk.register()
    good = basic(":".join(machine.basic))["authorization"]
    headers = [("authorization", good), ("authorization", good)]
    assert await refusal(desk, GRANT, headers=headers) == (401, "invalid_client")


async def test_a_replayed_or_misdirected_assertion_is_refused(desk: TokenDesk) -> None:
    asked, key = keyed()
    signer = await desk.register(asked, key)
    now, denied = desk.clock.now(), (401, "invalid_client")
    good = signer.assertion(now, jti="good")
    assert (await desk.post("/oauth/token", asserted(good))).status_code == 200
    assert await refusal(desk, asserted(good)) == denied
    for number, changes in enumerate(
        (
            {"exp": now - 6},
            {"exp": now + 3600},
            {"exp": None},
            {"nbf": now + 60},
            {"aud": "https://evil.example"},
            {"aud": f"{ORIGIN}/oauth/token"},
            {"aud": [ORIGIN, "https://evil.example"]},
            {"aud": None},
            {"iss": "client_other"},
            {"sub": "client_other"},
            {"jti": None},
        )
    ):
        assertion = signer.assertion(now, **{"jti": str(number), **changes})
        assert await refusal(desk, asserted(assertion)) == denied
    access = (await desk.token(signer)).json()["access_token"]
    assert await refusal(desk, asserted(access)) == denied
    form = asserted(signer.assertion(now, jti="x")) | {"client_assertion_type": "saml"}
    assert await refusal(desk, form) == (400, "invalid_request")


async def test_the_same_assertion_many_times_at_once(database: Database, clock: MovedClock) -> None:
    async with token_desk(database, clock, **PATIENT) as desk:
        asked, key = keyed()
        signer = await desk.register(asked, key)
        form = asserted(signer.assertion(clock.now()))
        answers = await asyncio.gather(*(desk.post("/oauth/token", form) for _ in range(8)))
        assert sorted(answer.status_code for answer in answers) == [200] + [401] * 7


async def test_an_assertion_signed_by_another_key_is_refused(desk: TokenDesk) -> None:
    asked, key = keyed("RS256")
    signer = await desk.register(asked, key)
    now, denied = desk.clock.now(), (401, "invalid_client")
    claims = {"iss": signer.id, "sub": signer.id, "aud": ORIGIN, "exp": now + 60, "jti": "1"}
    header: dict[str, Any] = {"kid": key.kid}
    evil = generate("RS256", 2048)
    public = key.public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    confused = _hmac(claims, public, key.kid)
    forged = RegisteredClient(signer.id, key=Key(key.kid, "RS256", evil.private))
    for assertion in (
        *(unsigned(header | {"alg": alg}, claims, b"") + "eA" for alg in ("none", "None", "nOnE")),
        confused,
        forged.assertion(now),
        forged.assertion(now, {"jwk": evil.jwk()}),
        forged.assertion(now, {"jku": "https://evil.example/jwks.json"}),
        forged.assertion(now, {"x5u": "https://evil.example/cert.pem"}),
        replace(forged, key=evil).assertion(now),
        replace(forged, key=evil).assertion(now, {"kid": "../../dev/null"}),
        unsigned(header | {"alg": "RS256"}, claims, b"\x00" * 256),
        signer.assertion(now)[:-4],
        signer.assertion(now) + "=",
        "a.b.c.d.e",
    ):
        assert await refusal(desk, asserted(assertion)) == denied


def _hmac(claims: dict[str, Any], secret: bytes, kid: str) -> str:
    # PyJWT refuses a PEM as a secret, so the token is put together by hand.
    text = unsigned({"alg": "HS256", "kid": kid}, claims).rpartition(".")[0]
    signature = hmac.digest(secret, text.encode(), "sha256")
    return f"{text}.{base64.urlsafe_b64encode(signature).rstrip(b'=').decode()}"


async def test_scopes_and_grants_that_were_not_given(desk: TokenDesk) -> None:
    machine = await desk.register(replace(MACHINE, scopes=["toys:count"]))
    app = await desk.register(APP)
    signed_in = await desk.session(app)
    for scope in ("toys:all", "toys:count toys:all", "*", "toys:count\ttoys:all", "\x7f", " "):
        form = GRANT | {"scope": scope}
        assert await refusal(desk, form, auth=machine.basic) == (400, "invalid_scope")
    form = {"grant_type": "refresh_token", "refresh_token": signed_in.refresh_token}
    assert await refusal(desk, form, auth=machine.basic) == (400, "unauthorized_client")
    named = {"client_id": app.id}
    assert await refusal(desk, GRANT | named) == (400, "unauthorized_client")
    assert await refusal(desk, form | named | {"scope": "toys:all"}) == (400, "invalid_scope")
    forged = named | {"grant_type": "urn:ietf:params:oauth:grant-type:token-exchange"}
    assert await refusal(desk, forged) == (400, "unsupported_grant_type")


async def test_a_refresh_token_of_another_client_ends_nothing(desk: TokenDesk) -> None:
    app, thief = await desk.register(APP), await desk.register(APP)
    portal = await desk.register(replace(APP, authentication=ClientAuthMethod.SECRET.value))
    signed_in = await desk.session(app)
    own = (await desk.desk.login(delivery="body")).json()["refresh_token"]
    for token in (signed_in.refresh_token, own):
        for member in (thief, portal):
            response = await desk.refresh(member, token)
            assert (response.status_code, response.json()["error"]) == (400, "invalid_grant")
    assert (await desk.desk.refresh(signed_in.refresh_token)).status_code == 401
    assert (await desk.refresh(app, signed_in.refresh_token)).status_code == 200
    assert (await desk.desk.refresh(own)).status_code == 200


async def test_an_old_refresh_token_shown_by_another_client_ends_nothing(desk: TokenDesk) -> None:
    app, thief = await desk.register(APP), await desk.register(APP)
    gateway = await desk.register(Registration("Gateway", may_introspect=True))
    signed_in = await desk.session(app)
    old, live = signed_in.refresh_token, signed_in.refresh_token
    for _ in range(3):
        live = (await desk.refresh(app, live)).json()["refresh_token"]
        desk.clock.move(60)
    # Its row was deleted: it is recognised by its family.
    assert (await desk.refresh(thief, old)).json()["error"] == "invalid_grant"
    assert (await desk.desk.refresh(old)).status_code == 401
    out = await desk.desk.client.post("/api/auth/logout", json={"refresh_token": old})
    assert out.status_code == 204
    given_back = {"token": old, "client_id": thief.id}
    assert await refusal(desk, given_back, "/oauth/revoke") == (400, "unauthorized_client")
    told = await desk.post("/oauth/introspect", {"token": old}, auth=gateway.basic)
    assert told.json() == {"active": False}
    live = (await desk.refresh(app, live)).json()["refresh_token"]
    # Its own client revokes it by mistake, or a thief has it too.
    assert (await desk.refresh(app, old)).status_code == 400
    assert (await desk.refresh(app, live)).status_code == 400
    assert (await desk.desk.audited())[-1] == "REFRESH_TOKEN_REUSED"


async def test_a_stolen_refresh_token_ends_the_session_when_it_comes_again(
    desk: TokenDesk,
) -> None:
    app = await desk.register(APP)
    signed_in = await desk.session(app)
    thief = (await desk.refresh(app, signed_in.refresh_token)).json()
    desk.clock.move(11)
    assert (await desk.refresh(app, signed_in.refresh_token)).status_code == 400
    assert (await desk.refresh(app, thief["refresh_token"])).status_code == 400
    await desk.hear()
    gateway = await desk.register(Registration("Gateway", may_introspect=True))
    form = {"token": thief["access_token"]}
    told = await desk.post("/oauth/introspect", form, auth=gateway.basic)
    assert told.json() == {"active": False}


@pytest.mark.parametrize("path", ENDPOINTS)
async def test_parameters_that_come_twice_or_in_the_url(desk: TokenDesk, path: str) -> None:
    machine = await desk.register()
    invalid = (400, "invalid_request")
    body = "grant_type=client_credentials&token=x"
    for twice in ("client_id=a&client_id=b", "scope=a&scope=", "token=x", "unknown=1&unknown=1"):
        assert (
            await refusal(
                desk, None, path, content=f"{body}&{twice}", headers=FORM, auth=machine.basic
            )
            == invalid
        )
    url = f"{path}?client_id={machine.id}&client_secret={machine.secret}"
    assert await refusal(desk, GRANT, url) == invalid
    assert await refusal(desk, GRANT, f"{path}?a", auth=machine.basic) == invalid


@pytest.mark.parametrize("path", ENDPOINTS)
async def test_bodies_of_every_other_kind(desk: TokenDesk, path: str) -> None:
    machine = await desk.register(replace(MACHINE, may_introspect=True))
    for content, kind, status in (
        (b"{}", "application/json", 415),
        (b"a=b", "text/plain", 415),
        (b"a=b", "", 415),
        (b"--x", "multipart/form-data; boundary=x", 415),
        (b"a=b", "application/x-www-form-urlencoded; charset=utf-16", 415),
        (b"\xff\xfe", FORM["content-type"], 400),
        (b"token=%ff", FORM["content-type"], 400),
        (b"token=%00", FORM["content-type"], 400),
        (b"token=\x00", FORM["content-type"], 400),
        (b"client_id=%ED%A0%80", FORM["content-type"], 400),
        (b"&" * 1000, FORM["content-type"], 400),
        (b"a=b&" * 1000, FORM["content-type"], 400),
        (b"a=" + b"x" * 70_000, FORM["content-type"], 413),
        (b"a=" + b"x" * 60_000, FORM["content-type"], 400),
        (b"", FORM["content-type"], 400),
        (b"=", FORM["content-type"], 400),
        (b"a[b]=c&a[d]=e", FORM["content-type"], 400),
    ):
        headers = {"content-type": kind}
        found = await refusal(
            desk, None, path, content=content, headers=headers, auth=machine.basic
        )
        assert found == (status, "invalid_request"), content[:20]


async def test_a_stranger_at_introspection_and_anothers_tokens_at_revocation(
    desk: TokenDesk,
) -> None:
    machine, other, app = await desk.register(), await desk.register(), await desk.register(APP)
    token = (await desk.token(machine)).json()["access_token"]
    signed_in = await desk.session(app)
    for each in (token, signed_in.refresh_token):
        form = {"token": each}
        assert (await refusal(desk, form, "/oauth/introspect"))[0] == 401
        assert (await refusal(desk, form, "/oauth/introspect", auth=other.basic))[0] == 403
        assert (await refusal(desk, form, "/oauth/revoke"))[0] == 401
        refused = await refusal(desk, form, "/oauth/revoke", auth=other.basic)
        assert refused == (400, "unauthorized_client")
    assert (await desk.auth.verify(token)).subject == machine.id
    assert (await desk.refresh(app, signed_in.refresh_token)).status_code == 200


async def test_a_client_that_must_show_a_key_and_shows_none(desk: TokenDesk) -> None:
    machine = await desk.register(replace(MACHINE, needs_dpop=True))
    app = await desk.register(replace(APP, needs_dpop=True))
    signed_in = await desk.session(app)
    invalid = (400, "invalid_dpop_proof")
    assert await refusal(desk, GRANT, auth=machine.basic) == invalid
    for proof in ("", "x", "a.b.c"):
        headers = {"dpop": proof}
        assert await refusal(desk, GRANT, auth=machine.basic, headers=headers) == invalid
    form = {"grant_type": "refresh_token", "refresh_token": signed_in.refresh_token}
    assert await refusal(desk, form | {"client_id": app.id}) == invalid


async def test_no_log_and_no_answer_holds_what_is_secret(
    desk: TokenDesk, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    machine, app = await desk.register(), await desk.register(APP)
    asked, key = keyed()
    signer = await desk.register(asked, key)
    signed_in = await desk.session(app)
    assertion = signer.assertion(desk.clock.now(), aud="https://evil.example")
    secret = machine.secret or ""
    answers = [
        await desk.token(replace(app, secret=secret)),
        await desk.token(replace(machine, id=app.id)),
        await desk.post("/oauth/token", asserted(assertion)),
        await desk.refresh(await desk.register(APP), signed_in.refresh_token),
    ]
    said = "".join(answer.text for answer in answers) + caplog.text
    assert "a client was refused by the rule" in caplog.text
    for text in (secret, assertion, signed_in.refresh_token):
        assert text not in said


async def test_a_body_that_never_ends_is_not_kept(desk: TokenDesk) -> None:
    machine = await desk.register()
    sent = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal sent
        while True:
            sent += 1
            yield b"x" * 4096

    found = await refusal(desk, None, content=endless(), headers=FORM, auth=machine.basic)
    assert found == (413, "invalid_request")
    assert sent < 50
