"""A thief of a bound token or of a proof can do nothing with it: over HTTP, in streams, over a socket."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

import httpx2
import pytest
from sqlalchemy import func, select
from websockets.exceptions import ConnectionClosed

from tests.support.authorization import CALLBACK, VERIFIER, consent_desk
from tests.support.bound_server import TRANSPORTS, BoundServer, Outcome, bound_server
from tests.support.clients import WebSocketClient
from tests.support.clock import MovedClock
from tests.support.dpop import KeyHolder
from tests.support.identity import EMAIL, ORIGIN, PASSWORD
from tests.support.oauth import APP, MACHINE, REDIRECT, token_desk
from watchword.storage.database import Database
from watchword.storage.used_ids import used_ids

Attack = Callable[[BoundServer, str], Awaitable[Outcome]]


async def with_proof(server: BoundServer, transport: str, **changes: Any) -> Outcome:
    """Send a valid token, and a proof that is valid except for the changes."""
    token = await server.token()
    return await server.ask(transport, f"DPoP {token}", server.proof(transport, token, **changes))


async def stolen_token(server: BoundServer, transport: str) -> Outcome:
    return await server.ask(transport, f"Bearer {await server.token()}")


async def stolen_token_and_proof_as_bearer(server: BoundServer, transport: str) -> Outcome:
    token = await server.token()
    return await server.ask(transport, f"Bearer {token}", server.proof(transport, token))


async def no_proof(server: BoundServer, transport: str) -> Outcome:
    return await server.ask(transport, f"DPoP {await server.token()}")


async def replayed(server: BoundServer, transport: str) -> Outcome:
    token = await server.token()
    proof = server.proof(transport, token)
    assert (await server.ask(transport, f"DPoP {token}", proof)).status == 200
    return await server.ask(transport, f"DPoP {token}", proof)


async def key_of_the_thief(server: BoundServer, transport: str) -> Outcome:
    return await with_proof(server, transport, holder=KeyHolder())


async def signed_by_the_thief_in_the_holders_name(server: BoundServer, transport: str) -> Outcome:
    token, thief = await server.token(), KeyHolder()
    method = "GET" if transport == "websocket" else "POST"
    claims = thief.claims(method, f"{ORIGIN}/graphql", server.clock.now(), token)
    proof = thief.signed(claims, jwk=server.holder.jwk)
    return await server.ask(transport, f"DPoP {token}", proof)


async def proof_for_another_token(server: BoundServer, transport: str) -> Outcome:
    token = await server.token()
    proof = server.proof(transport, await server.token(subject="mallory"))
    return await server.ask(transport, f"DPoP {token}", proof)


async def proof_of_the_token_endpoint(server: BoundServer, transport: str) -> Outcome:
    # Without `ath`, as before there is a token.
    token = await server.token()
    return await server.ask(transport, f"DPoP {token}", server.proof(transport, None))


async def proof_for_another_method(server: BoundServer, transport: str) -> Outcome:
    return await with_proof(server, transport, htm="POST" if transport == "websocket" else "GET")


async def proof_for_another_server(server: BoundServer, transport: str) -> Outcome:
    return await with_proof(server, transport, htu="https://evil.example/graphql")


async def proof_for_the_host_that_is_named(server: BoundServer, transport: str) -> Outcome:
    # The Host header of the request has this address.
    return await with_proof(server, transport, htu=server.url)


async def proof_for_another_path(server: BoundServer, transport: str) -> Outcome:
    return await with_proof(server, transport, htu=f"{ORIGIN}/oauth/token")


async def old_proof(server: BoundServer, transport: str) -> Outcome:
    return await with_proof(server, transport, iat=server.clock.now() - 66)


async def proof_made_ahead(server: BoundServer, transport: str) -> Outcome:
    return await with_proof(server, transport, iat=server.clock.now() + 6)


async def two_proofs(server: BoundServer, transport: str) -> Outcome:
    token = await server.token()
    proofs = server.proof(transport, token), server.proof(transport, token)
    return await server.ask(transport, f"DPoP {token}", *proofs)


async def proof_as_access_token(server: BoundServer, transport: str) -> Outcome:
    return await server.ask(transport, f"Bearer {server.proof(transport, None)}")


async def access_token_as_proof(server: BoundServer, transport: str) -> Outcome:
    token = await server.token()
    return await server.ask(transport, f"DPoP {token}", token)


async def unbound_token_made_to_look_bound(server: BoundServer, transport: str) -> Outcome:
    token = await server.unbound()
    return await server.ask(transport, f"DPoP {token}", server.proof(transport, token))


async def rubbish(server: BoundServer, transport: str) -> Outcome:
    return await server.ask(transport, f"DPoP {await server.token()}", "x" * 9_000)


ATTACKS: list[Attack] = [
    stolen_token,
    stolen_token_and_proof_as_bearer,
    no_proof,
    replayed,
    key_of_the_thief,
    signed_by_the_thief_in_the_holders_name,
    proof_for_another_token,
    proof_of_the_token_endpoint,
    proof_for_another_method,
    proof_for_another_server,
    proof_for_the_host_that_is_named,
    proof_for_another_path,
    old_proof,
    proof_made_ahead,
    two_proofs,
    proof_as_access_token,
    access_token_as_proof,
    unbound_token_made_to_look_bound,
    rubbish,
]


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.__name__)
async def test_it_is_refused_on_every_transport(
    attack: Attack, sqlite_url: str, clock: MovedClock
) -> None:
    async with bound_server(sqlite_url, clock) as server:
        for transport in TRANSPORTS:
            refused = await attack(server, transport)
            # A proof of another time is refused like the rest; its client retries with a new one.
            closed = 4403 if attack in (old_proof, proof_made_ahead) else 4401
            assert refused.status == (closed if transport == "websocket" else 401), (
                transport,
                refused,
            )
            if transport != "websocket":
                assert (
                    json.loads(refused.text)["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"
                )
                scheme = "Bearer" if attack is proof_as_access_token else "DPoP"
                assert refused.headers["www-authenticate"].startswith(f"{scheme} realm=")


async def used(database: Database) -> int:
    """Return the number of proofs that are stored as used."""
    async with database.read() as db:
        return (await db.execute(select(func.count()).select_from(used_ids))).scalar_one()


async def test_a_stranger_with_proofs_writes_nothing(database: Database, clock: MovedClock) -> None:
    """Making a key costs nothing, so an attacker who has only a key must not cause a write."""
    async with token_desk(database, clock) as desk:
        app = await desk.register(APP)
        holder, client = KeyHolder(), desk.desk.client

        async def ask(path: str, **body: Any) -> tuple[int, str]:
            headers = {"dpop": holder.proof("POST", ORIGIN + path, clock.now())}
            answer = await client.post(path, headers=headers, **body)
            return answer.status_code, answer.json()["error"]

        grant = {"client_id": app.id, "redirect_uri": REDIRECT, "code_verifier": "v" * 43}
        code = grant | {"grant_type": "authorization_code", "code": "nonsense"}
        refresh = {"client_id": app.id, "grant_type": "refresh_token", "refresh_token": "nonsense"}
        wrong = {"email": EMAIL, "password": "wrong horse battery"}
        for _ in range(12):
            refused = [
                await ask("/api/auth/login", json=wrong | {"delivery": "body"}),
                await ask("/api/auth/login", json={"passkey": {"id": "nonsense"}}),
                await ask("/api/auth/refresh", json={"refresh_token": "nonsense"}),
                await ask("/oauth/token", data=code),
                await ask("/oauth/token", data=refresh),
                await ask("/oauth/token", data={"grant_type": "client_credentials"}),
            ]
            assert {status for status, _ in refused} <= {400, 401, 429}, refused
        # The limit of attempts is checked before the proof too.
        assert (await ask("/api/auth/login", json=wrong))[0] == 429
        assert await used(database) == 0


async def test_every_accepted_request_has_used_up_its_proof(
    database: Database, clock: MovedClock
) -> None:
    async with token_desk(database, clock) as desk:
        app, machine, holder = await desk.register(APP), await desk.register(MACHINE), KeyHolder()
        signed_in = await desk.session(app)

        async def ask(path: str, proof: str | None = None, **rest: Any) -> httpx2.Response:
            shown = proof or holder.proof("POST", ORIGIN + path, clock.now())
            return await desk.desk.client.post(path, headers={"dpop": shown}, **rest)

        async def ask_again(path: str, **rest: Any) -> dict[str, Any]:
            """Send a request twice with the same proof; return the first answer."""
            before, proof = await used(database), holder.proof("POST", ORIGIN + path, clock.now())
            answer = await ask(path, proof, **rest)
            assert (answer.status_code, answer.json()["token_type"]) == (200, "DPoP"), answer.text
            replay = await ask(path, proof, **rest)
            assert (replay.status_code, replay.json()["error"]) == (400, "invalid_dpop_proof")
            assert await used(database) == before + 1
            return {"proof": proof, **answer.json()}

        login = {"email": EMAIL, "password": PASSWORD, "delivery": "body"}
        answer = await ask_again("/api/auth/login", json=login)
        await ask_again(
            "/oauth/token", data={"grant_type": "client_credentials"}, auth=machine.basic
        )
        for path, name, token, rest in (
            ("/api/auth/refresh", "json", answer["refresh_token"], {}),
            ("/oauth/token", "data", signed_in.refresh_token, {"client_id": app.id}),
        ):
            rest["grant_type"] = "refresh_token"
            taken = await ask_again(path, **{name: rest | {"refresh_token": token}})
            body = {name: rest | {"refresh_token": taken["refresh_token"]}}
            replay = await ask(path, taken["proof"], **body)
            assert (replay.status_code, replay.json()["error"]) == (400, "invalid_dpop_proof")
            # The replay has not used up the refresh token: it is still valid after the grace period.
            clock.move(11)
            assert (await ask(path, **body)).status_code == 200


async def test_a_proof_that_comes_again_redeems_no_code_and_uses_none_up(
    database: Database, clock: MovedClock
) -> None:
    async with consent_desk(database, clock) as room:
        holder, url = KeyHolder(), f"{ORIGIN}/oauth/token"

        async def redeem(code: str, proof: str) -> httpx2.Response:
            form = {"grant_type": "authorization_code", "client_id": room.client.id, "code": code}
            form |= {"redirect_uri": CALLBACK, "code_verifier": VERIFIER}
            return await room.desk.client.post("/oauth/token", data=form, headers={"dpop": proof})

        proof = holder.proof("POST", url, clock.now())
        assert (await redeem(await room.code(), proof)).json()["token_type"] == "DPoP"
        code = await room.code()
        replay = await redeem(code, proof)
        assert (replay.status_code, replay.json()["error"]) == (400, "invalid_dpop_proof")
        fresh = await redeem(code, holder.proof("POST", url, clock.now()))
        assert (fresh.status_code, fresh.json()["token_type"]) == (200, "DPoP")


async def test_a_decision_with_a_bad_token_is_challenged(
    database: Database, clock: MovedClock
) -> None:
    async with consent_desk(database, clock) as room:
        refused = await room.decide("allow", "nonsense")
        assert refused.status_code == 401
        assert refused.headers["www-authenticate"] == 'Bearer realm="watchword"'


HEADERS = [
    [("authorization", "Bearer {unbound}"), ("authorization", "Bearer {unbound}")],
    [("authorization", "Bearer {unbound}"), ("authorization", "DPoP {token}")],
    [("authorization", "Bearer {unbound}, Bearer {unbound}")],
    [("authorization", "Bearer {unbound} x")],
    [("authorization", "Bearer {unbound};")],
    [("authorization", "Bearer")],
    [("authorization", "Bearer,{unbound}")],
    [("authorization", "Bearer\t{unbound}")],
    [("authorization", "{unbound}")],
    [("authorization", 'Bearer "{unbound}"')],
    [("authorization", "Bearer token={unbound}")],
    [("authorization", "Basic YWxpY2U6eA==")],
    [("authorization", "Bearer {unbound}"), ("Authorization", "")],
]


@pytest.mark.parametrize("headers", HEADERS, ids=str)
async def test_only_one_credential_and_nothing_after_it(
    headers: list[tuple[str, str]], sqlite_url: str, clock: MovedClock
) -> None:
    async with bound_server(sqlite_url, clock) as server:
        tokens = {"unbound": await server.unbound(), "token": await server.token()}
        filled = [(name, value.format_map(tokens)) for name, value in headers]
        async with httpx2.AsyncClient() as client:
            answer = await client.post(server.url, json={"query": "{ me }"}, headers=filled)
        assert answer.status_code == 401
        async with WebSocketClient.open(server.url, additional_headers=filled) as socket:
            await socket.send({"type": "connection_init"})
            assert (await socket.closed())[0] == 4401
        if len(filled) == 1:
            async with WebSocketClient.open(server.url) as socket:
                await socket.send({"type": "connection_init", "payload": dict(filled)})
                assert (await socket.closed())[0] == 4401


ODD = [None, True, 7, 1.5, "Bearer x", [], ["Bearer x"], {}, {"a": 1}]


@pytest.mark.parametrize("odd", ODD, ids=str)
async def test_a_payload_of_any_json_type_does_no_harm(
    odd: object, sqlite_url: str, clock: MovedClock
) -> None:
    """The caller is anonymous, or the socket is closed as the protocol says, but never by an internal error."""
    async with bound_server(sqlite_url, clock) as server:
        for payload in (
            odd,
            {"authorization": odd},
            {"headers": odd},
            {"headers": {"Authorization": odd}},
            {"authorization": f"DPoP {await server.token()}", "dpop": odd},
        ):
            async with WebSocketClient.open(server.url) as socket:
                await socket.send({"type": "connection_init", "payload": payload})
                await socket.send({"type": "subscribe", "id": "1", "payload": {"query": "{ me }"}})
                said, code = await _whole(socket)
            assert code in (4400, 4401, None), (payload, code)
            if code is None:
                assert said[0]["type"] == "connection_ack"
                assert said[1]["payload"]["data"] == {"me": None}, payload


async def _whole(socket: WebSocketClient) -> tuple[list[dict[str, Any]], int | None]:
    """Return the messages up to the answer, or the close code."""
    said: list[dict[str, Any]] = []
    with suppress(ConnectionClosed):
        while not said or said[-1]["type"] != "next":
            said.append(await socket.receive())
        return said, None
    return said, socket.socket.close_code
