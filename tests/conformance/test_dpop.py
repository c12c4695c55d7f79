"""A token that is bound to a key works over every transport with a proof; a WebSocket needs one proof only."""

from __future__ import annotations

from typing import Any

import httpx2
import pytest

from tests.support.bound_server import ME, TRANSPORTS, bound_server
from tests.support.clients import WebSocketClient
from tests.support.clock import MovedClock
from tests.support.dpop import KeyHolder
from tests.support.identity import ORIGIN
from watchword.tokens.dpop import NONCE_SECONDS

every_transport = pytest.mark.parametrize("transport", TRANSPORTS)


@every_transport
@pytest.mark.parametrize("algorithm", ["ES256", "RS256", "EdDSA"])
async def test_a_bound_token_with_its_proof_is_accepted(
    transport: str, algorithm: str, sqlite_url: str, clock: MovedClock
) -> None:
    async with bound_server(sqlite_url, clock) as server:
        server.holder = KeyHolder(algorithm)
        token = await server.token()
        # RFC 9110, section 11.1: the scheme is matched without regard to case.
        outcome = await server.ask(transport, f"dpop {token}", server.proof(transport, token))
    assert outcome.status == 200, outcome
    assert '"me":"alice"' in outcome.text or '"numbers":0' in outcome.text


@every_transport
@pytest.mark.parametrize(("asked", "proved"), [("/", "/"), ("/", ""), ("", "/")])
async def test_a_slash_at_the_end_of_the_url_or_of_the_proofs_says_nothing(
    transport: str, asked: str, proved: str, sqlite_url: str, clock: MovedClock
) -> None:
    async with bound_server(sqlite_url, clock) as server:
        server.url += asked
        token = await server.token()
        proof = server.proof(transport, token, htu=f"{ORIGIN}/graphql{proved}")
        assert (await server.ask(transport, f"DPoP {token}", proof)).status == 200


@every_transport
async def test_the_replay_is_refused_on_both_databases(
    transport: str, database_url: str, clock: MovedClock
) -> None:
    async with bound_server(database_url, clock) as server:
        token = await server.token()
        proof = server.proof(transport, token)
        assert (await server.ask(transport, f"DPoP {token}", proof)).status == 200
        refused = await server.ask(transport, f"DPoP {token}", proof)
    assert refused.status == (4401 if transport == "websocket" else 401)


@every_transport
async def test_the_client_is_told_the_nonce_and_comes_back_with_it(
    transport: str, sqlite_url: str, clock: MovedClock
) -> None:
    async with bound_server(sqlite_url, clock, dpop_nonce=True) as server:
        token = await server.token()
        refused = await server.ask(transport, f"DPoP {token}", server.proof(transport, token))
        if transport == "websocket":
            assert refused.status == 4403
            nonce = refused.text.removeprefix("use_dpop_nonce: ")
        else:
            assert refused.status == 401
            assert 'DPoP realm="watchword", error="use_dpop_nonce"' in _challenge(refused.headers)
            assert refused.headers.get_list("dpop-nonce") == [refused.headers["dpop-nonce"]]
            nonce = refused.headers["dpop-nonce"]
        proof = server.proof(transport, token, nonce=nonce)
        assert (await server.ask(transport, f"DPoP {token}", proof)).status == 200


async def test_a_successful_answer_carries_the_next_nonce(
    sqlite_url: str, clock: MovedClock
) -> None:
    async with bound_server(sqlite_url, clock, dpop_nonce=True) as server:
        token = await server.token()
        refused = await server.ask("http", f"DPoP {token}", server.proof("http", token))
        old = refused.headers["dpop-nonce"]
        clock.move(NONCE_SECONDS)
        taken = await server.ask("http", f"DPoP {token}", server.proof("http", token, nonce=old))
        assert taken.status == 200
        new = taken.headers["dpop-nonce"]
        assert new != old
        assert taken.headers["cache-control"] == "no-store"
        proof = server.proof("http", token, nonce=new)
        assert (await server.ask("http", f"DPoP {token}", proof)).status == 200


@pytest.mark.parametrize("scheme", ["https", "wss"])
async def test_the_url_of_a_socket_may_be_written_with_wss(
    scheme: str, sqlite_url: str, clock: MovedClock
) -> None:
    url = ORIGIN.replace("https", scheme) + "/graphql"
    async with bound_server(sqlite_url, clock) as server:
        token = await server.token()
        proof = server.proof("websocket", token, htu=url)
        assert (await server.ask("websocket", f"DPoP {token}", proof)).status == 200


@pytest.mark.parametrize("place", ["payload", "headers in the payload", "handshake", "both"])
async def test_a_socket_shows_its_proof_in_the_payload_or_the_handshake(
    place: str, sqlite_url: str, clock: MovedClock
) -> None:
    async with bound_server(sqlite_url, clock) as server:
        token = await server.token()
        shown = {"Authorization": f"DPoP {token}", "DPoP": server.proof("websocket", token)}
        payload = {
            "payload": shown,
            "headers in the payload": {"headers": shown},
            "handshake": None,
            "both": {"dpop": shown["DPoP"]},
        }[place]
        headers = shown if place in ("handshake", "both") else {}
        async with WebSocketClient.open(server.url, additional_headers=headers) as client:
            await client.send({"type": "connection_init", "payload": payload})
            assert (await client.receive())["type"] == "connection_ack"
            await client.subscribe("1", ME)
            assert (await client.receive())["payload"]["data"] == {"me": "alice"}


async def test_a_socket_proves_its_key_once(sqlite_url: str, clock: MovedClock) -> None:
    async with bound_server(sqlite_url, clock) as server:
        token = await server.token()
        shown = {"authorization": f"DPoP {token}", "dpop": server.proof("websocket", token)}
        async with WebSocketClient.open(server.url) as client:
            await client.send({"type": "connection_init", "payload": shown})
            await client.receive()
            clock.move(200)
            for id in "12":
                await client.subscribe(id, ME)
                assert (await client.receive())["payload"]["data"] == {"me": "alice"}
                assert (await client.receive())["type"] == "complete"


RENEW = "mutation ($token: String!, $proof: String) { renewConnection(token: $token, proof: $proof) { expiresAt } }"


async def renewed(client: WebSocketClient, how: str, token: str, proof: str | None) -> Any:
    """Renew a connection by ping or by mutation. Return the answer, or the close code."""
    if how == "ping":
        scheme = "Bearer" if proof is None else "DPoP"
        payload = {"authorization": f"{scheme} {token}", "dpop": proof}
        await client.send({"type": "ping", "payload": payload})
    else:
        await client.subscribe("r", RENEW, variables={"token": token, "proof": proof})
    try:
        return await client.receive()
    except Exception:
        return (await client.closed())[0]


async def opened(server: Any, client: WebSocketClient) -> None:
    token = await server.token()
    shown = {"authorization": f"DPoP {token}", "dpop": server.proof("websocket", token)}
    await client.send({"type": "connection_init", "payload": shown})
    assert (await client.receive())["type"] == "connection_ack"


@pytest.mark.parametrize("how", ["ping", "mutation"])
async def test_a_renewal_comes_with_a_proof_of_the_same_key(
    how: str, sqlite_url: str, clock: MovedClock
) -> None:
    async with (
        bound_server(sqlite_url, clock) as server,
        WebSocketClient.open(server.url) as client,
    ):
        await opened(server, client)
        clock.move(100)
        token = await server.token()
        answer = await renewed(client, how, token, server.proof("websocket", token))
        assert "2027-01-15T08:11:40" in str(answer)


@pytest.mark.parametrize("how", ["ping", "mutation"])
@pytest.mark.parametrize("fault", ["no proof", "replay", "another key", "an unbound token"])
async def test_a_renewal_without_a_proof_ends_the_connection(
    how: str, fault: str, sqlite_url: str, clock: MovedClock
) -> None:
    async with (
        bound_server(sqlite_url, clock) as server,
        WebSocketClient.open(server.url) as client,
    ):
        await opened(server, client)
        token = await server.token()
        proof: str | None = server.proof("websocket", token)
        if fault == "no proof":
            proof = None
        elif fault == "replay":
            await server.ask("websocket", f"DPoP {token}", str(proof))
        elif fault == "another key":
            holder = KeyHolder()
            token = await server.token(holder.thumbprint)
            proof = server.proof("websocket", token, holder=holder)
        else:
            token, proof = await server.unbound(), None
        assert await renewed(client, how, token, proof) == 4401


@every_transport
async def test_where_dpop_is_required_an_unbound_token_is_refused(
    transport: str, sqlite_url: str, clock: MovedClock
) -> None:
    async with bound_server(sqlite_url, clock, dpop="required") as server:
        refused = await server.ask(transport, f"Bearer {await server.unbound()}")
        token = await server.token()
        taken = await server.ask(transport, f"DPoP {token}", server.proof(transport, token))
    assert taken.status == 200
    assert refused.status == (4401 if transport == "websocket" else 401)
    if transport != "websocket":
        assert _challenge(refused.headers).startswith(
            'DPoP realm="watchword", error="invalid_token"'
        )


async def test_a_page_of_an_allowed_origin_may_send_proofs_and_read_nonces(
    sqlite_url: str, clock: MovedClock
) -> None:
    friend = "https://app.example.com"
    async with (
        bound_server(sqlite_url, clock, dpop_nonce=True, allowed_origins=(friend,)) as server,
        httpx2.AsyncClient() as client,
    ):
        asked = {"origin": friend, "access-control-request-method": "POST"}
        asked["access-control-request-headers"] = "authorization, dpop"
        assert (await client.options(server.url, headers=asked)).status_code == 200
        headers = {"origin": friend, "dpop": "a.b.c"}
        answer = await client.post(server.url, json={"query": "{ hello }"}, headers=headers)
    assert "dpop-nonce" in answer.headers["access-control-expose-headers"].lower()
    assert answer.headers["dpop-nonce"]


def _challenge(headers: httpx2.Headers) -> str:
    return headers["www-authenticate"]
