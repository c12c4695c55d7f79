"""Forged tokens on every transport of one real server: refused, with the rule in the log and in no answer.

The forger has the server's own key, so that only the rule under test can refuse the token.
"""

from __future__ import annotations

import asyncio
import json
import secrets
import socket
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from urllib.parse import urlsplit

import httpx2
import orjson
import pytest
from websockets.exceptions import ConnectionClosed

from tests.attacks.forgeries import EXPIRED, FITS, FORGERIES, misfits
from tests.support.clients import WebSocketClient
from tests.support.forge import Bait, Forge, bait, mirrored
from tests.support.server import LiveServer, live_server
from tests.support.tokens import key
from tests.support.vault import ENCRYPTION_KEY, VAULT
from watchword.auth.keys.signing_keys import load
from watchword.storage.database import Database
from watchword.tokens.jose.compact import decode
from watchword.tokens.keys import KeyRing

QUERY = "{ viewer { id } }"
COMPONENT = "subscription { componentChanged { id } }"
REFUSED = "a token was refused by the rule: "


@dataclass
class Fort:
    """The server under attack, with the means of the attacker."""

    server: LiveServer
    forge: Forge
    bait: Bait
    refresh_token: str

    @property
    def url(self) -> str:
        return f"{self.server.url}/graphql"

    def heard(self, since: int) -> str:
        return "".join(self.server.output[since:])


@pytest.fixture(scope="module")
def fort(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fort]:
    own = key()
    given = {"WATCHWORD_ENCRYPTION_KEYS": ENCRYPTION_KEY, "WATCHWORD_LOG_LEVEL": "DEBUG"}
    home = tmp_path_factory.mktemp("fort")
    with bait(own) as laid, live_server(home, **given) as server:
        body = {"email": server.email, "password": server.password, "delivery": "body"}
        answer = httpx2.post(f"{server.url}/api/auth/login", json=body).json()
        claims = json.loads(decode(answer["access_token"].split(".")[1]))
        ring = asyncio.run(_ring(f"sqlite+aiosqlite:///{home / 'watchword.db'}"))
        forge = Forge(ring.signing, claims, laid.url, own)
        yield Fort(server, forge, laid, answer["refresh_token"])
        assert laid.fetched == []
        assert " 500 " not in server.log
        assert "Traceback" not in server.log


async def _ring(url: str) -> KeyRing:
    database = Database(url)
    ring = await load(database, VAULT, time.time())
    await database.close()
    return ring


@asynccontextmanager
async def transports(fort: Fort) -> AsyncIterator[Transports]:
    async with httpx2.AsyncClient(timeout=30) as client:
        yield Transports(fort, client)


class Transports:
    """Send a token to every transport, and return their answers."""

    def __init__(self, fort: Fort, client: httpx2.AsyncClient) -> None:
        self._fort = fort
        self._client = client

    async def refuse(self, token: str, *, expired: bool = False) -> None:
        """Check that each transport refuses a token, and that no answer contains any of it."""
        code = "TOKEN_EXPIRED" if expired else "UNAUTHENTICATED"
        for accept in ("application/json", "text/event-stream", "multipart/mixed"):
            response = await self.post(token, accept)
            assert response.status_code == 401, accept
            assert response.headers["content-type"].startswith("application/json")
            assert response.json()["errors"][0]["extensions"]["code"] == code
            challenge = response.headers["www-authenticate"]
            assert challenge.startswith('Bearer realm="watchword", error="invalid_token"')
            _check_silent(token, response.text, str(response.headers))
        for close, reason in (await self.init(token), await self.renew(token)):
            assert close == (4403 if expired else 4401)
            _check_silent(token, reason)

    async def accept(self, token: str) -> None:
        """Check that each transport accepts a token."""
        response = await self.post(token, "application/json")
        assert response.json()["data"]["viewer"]["id"]
        assert (await self.init(token))[0] == 1000
        assert (await self.renew(token))[0] == 1000

    async def post(self, token: str, accept: str) -> httpx2.Response:
        query = QUERY if accept == "application/json" else COMPONENT
        headers = {"accept": accept, "authorization": f"Bearer {token}".encode("latin-1")}
        return await self._client.post(self._fort.url, json={"query": query}, headers=headers)

    async def init(self, token: str) -> tuple[int | None, str | None]:
        """Return the close code and reason; 1000 when the socket is acknowledged."""
        async with WebSocketClient.open(self._fort.url) as client:
            payload = {"authorization": f"Bearer {token}"}
            await client.send({"type": "connection_init", "payload": payload})
            return await _outcome(client, "connection_ack")

    async def renew(self, token: str) -> tuple[int | None, str | None]:
        """Do the same as `init`, but renew a socket that was opened with a valid token."""
        async with WebSocketClient.open(self._fort.url) as client:
            assert (await client.init(self._fort.forge.sign()))["type"] == "connection_ack"
            await client.send({"type": "ping", "payload": {"authorization": f"Bearer {token}"}})
            return await _outcome(client, "pong")


async def _outcome(client: WebSocketClient, good: str) -> tuple[int | None, str | None]:
    with suppress(ConnectionClosed):
        assert (await client.receive())["type"] == good
        return 1000, None
    return client.socket.close_code, client.socket.close_reason


def _check_silent(token: str, *said: str | None) -> None:
    """Check that the answers contain no recognisable part of a token."""
    pieces = [part[at : at + 24] for part in token.split(".") for at in range(0, len(part), 24)]
    for piece in (piece for piece in pieces if len(piece) >= 16 and set(piece) != {"A"}):
        assert not any(text and piece in text for text in said), piece


async def test_the_forgers_key_is_the_servers_own(fort: Fort) -> None:
    async with transports(fort) as all_of_them:
        await all_of_them.accept(fort.forge.sign())
        for name, values in FITS.items():
            for value in values:
                if name not in ("sub", "client_id", "sid"):
                    changed = fort.forge.sign(fort.forge.good | {name: value})
                    response = await all_of_them.post(changed, "application/json")
                    assert response.status_code == 200, (name, value)


@pytest.mark.parametrize("name", FORGERIES)
async def test_a_forgery_is_refused_on_every_transport(name: str, fort: Fort) -> None:
    forgery, rule = FORGERIES[name]
    since = len(fort.server.output)
    token = forgery(fort.forge)
    async with transports(fort) as all_of_them:
        await all_of_them.refuse(token, expired=name in EXPIRED)
    fort.server.wait_for_after(since, REFUSED + (f"{rule}\n" if rule else ""), 5)
    _check_silent(token, fort.heard(since))


@pytest.mark.parametrize("claim", FITS)
async def test_a_claim_of_another_type_or_size_is_refused_on_every_transport(
    claim: str, fort: Fort
) -> None:
    since = len(fort.server.output)
    async with transports(fort) as all_of_them:
        for value in misfits(claim):
            forged = fort.forge.sign(fort.forge.good | {claim: value})
            expired = claim == "exp" and type(value) in (int, float) and 0 <= value < 1e12
            await all_of_them.refuse(forged, expired=expired)
    fort.server.wait_for_after(since, f"{REFUSED}{claim}\n", 5 * len(misfits(claim)))


@pytest.mark.parametrize("claim", ["iss", "aud", "exp", "iat", "sub", "jti", "client_id"])
async def test_a_claim_that_is_missing_is_refused_on_every_transport(
    claim: str, fort: Fort
) -> None:
    since = len(fort.server.output)
    async with transports(fort) as all_of_them:
        await all_of_them.refuse(fort.forge.sign(fort.forge.claims(**{claim: None})))
    fort.server.wait_for_after(since, f"{REFUSED}{claim}\n", 5)


async def test_half_a_surrogate_pair_is_refused_on_every_transport(fort: Fort) -> None:
    async with transports(fort) as all_of_them:
        for claim in ("sub", "jti", "client_id", "sid", "tenant", "scope"):
            payload = json.dumps(fort.forge.good | {claim: "\ud800"}).encode()
            await all_of_them.refuse(fort.forge.sign(payload))


async def test_our_other_secrets_are_no_access_tokens(fort: Fort) -> None:
    async with transports(fort) as all_of_them:
        await all_of_them.refuse(fort.refresh_token)
        # An authorization code, a client secret, a nonce: all are random text.
        await all_of_them.refuse(secrets.token_urlsafe(32))


@pytest.mark.parametrize(
    "value",
    [
        "Bearer {0} {0}", "Bearer {0}, Bearer {0}", "Bearer {0},{0}", "Bearer {0} x", 'Bearer "{0}"', "Bearer\t{0}", "Bearer{0}",
        "Bearer {0};", "Bearer token={0}", "Basic {0}", "{0}", "Bearer", "Bearer Bearer {0}", "Token {0}", "Bearer \xa0{0}", "Bearer {0}\xff",
    ],
)  # fmt: skip
async def test_a_header_that_is_not_one_bearer_token_is_refused(value: str, fort: Fort) -> None:
    token = fort.forge.sign()
    said = value.format(token)
    async with httpx2.AsyncClient(timeout=30) as client:
        headers = {"authorization": said.encode("latin-1")}
        response = await client.post(fort.url, json={"query": QUERY}, headers=headers)
    assert response.status_code == 401
    assert 'error="invalid_token"' in response.headers["www-authenticate"]
    _check_silent(token, response.text, str(response.headers))
    async with WebSocketClient.open(fort.url) as socket:
        await socket.send({"type": "connection_init", "payload": {"authorization": said}})
        assert (await _outcome(socket, "connection_ack"))[0] == 4401


@pytest.mark.parametrize("second", ["Bearer x", "Basic eDp5", "", "Bearer {0}"])
async def test_two_authorization_headers_are_refused(second: str, fort: Fort) -> None:
    token = fort.forge.sign()
    answers = [
        await _raw(fort, [f"Authorization: Bearer {token}", f"{name}: {second.format(token)}"])
        for name in ("Authorization", "authorization", "AUTHORIZATION")
    ]
    assert {answer[9:12] for answer in answers} == {b"401"}


async def test_a_header_in_a_trailer_or_folded_is_no_credential(fort: Fort) -> None:
    token = fort.forge.sign()
    body = json.dumps({"query": QUERY}).encode()
    chunks = b"%x\r\n%b\r\n0\r\nAuthorization: Bearer %b\r\n\r\n" % (
        len(body),
        body,
        token.encode(),
    )
    answer = await _raw(fort, ["Transfer-Encoding: chunked"], chunks)
    assert answer[9:12] == b"200"
    assert b'"viewer":null' in answer or b"UNAUTHENTICATED" in answer
    assert (await _raw(fort, ["Authorization: Bearer", f" {token}"]))[9:12] == b"400"
    assert (await _raw(fort, [f"Authorization : Bearer {token}"]))[9:12] == b"400"


async def test_a_token_elsewhere_is_no_credential(fort: Fort) -> None:
    token = fort.forge.sign()
    async with httpx2.AsyncClient(timeout=30) as client:
        for name in ("access_token", "ACCESS_TOKEN", "access%5Ftoken"):
            url = f"{fort.url}?{name}={token}"
            response = await client.post(url, json={"query": QUERY})
            assert response.status_code == 400
            assert 'error="invalid_request"' in response.headers["www-authenticate"]
            _check_silent(token, response.text)
        form = await client.post(fort.url, data={"access_token": token, "query": QUERY})
        assert form.status_code == 415
        for elsewhere in (
            {"headers": {"cookie": f"access_token={token}; Authorization=Bearer {token}"}},
            {"headers": {"x-authorization": f"Bearer {token}", "x-access-token": token}},
            {"json": {"query": QUERY, "access_token": token, "extensions": {"token": token}}},
        ):
            response = await client.post(fort.url, **({"json": {"query": QUERY}} | elsewhere))
            assert not (response.json().get("data") or {}).get("viewer")


async def test_a_token_of_any_size_is_answered(fort: Fort) -> None:
    token = fort.forge.sign()
    for size in (8_192, 8_193, 30_000, 40_000, 1_000_000):
        said = f"Authorization: Bearer {token.ljust(size, 'A')}"
        assert (await _raw(fort, [said]))[9:12] == (b"401" if size < 32_000 else b"431")
    async with WebSocketClient.open(fort.url) as socket:
        payload = {"authorization": f"Bearer {token.ljust(200_000, 'A')}"}
        await socket.send({"type": "connection_init", "payload": payload})
        assert (await _outcome(socket, "connection_ack"))[0] == 4401


async def test_a_token_that_is_revoked_is_refused_although_it_was_seen_before(fort: Fort) -> None:
    async with httpx2.AsyncClient(timeout=30) as client:
        body = {"email": fort.server.email, "password": fort.server.password, "delivery": "body"}
        answer = (await client.post(f"{fort.server.url}/api/auth/login", json=body)).json()
        token = answer["access_token"]
        async with transports(fort) as all_of_them:
            assert (await all_of_them.post(token, "application/json")).status_code == 200
            given = {"refresh_token": answer["refresh_token"]}
            await client.post(f"{fort.server.url}/api/auth/logout", json=given)
            # The process learns of the end of the session from its event log, a moment later.
            response = await all_of_them.post(token, "application/json")
            async with asyncio.timeout(5):
                while response.status_code == 200:
                    response = await all_of_them.post(token, "application/json")
            assert response.json()["errors"][0]["extensions"]["code"] == "TOKEN_REVOKED"
            assert (await all_of_them.init(token))[0] == 4401
            # ECDSA has two valid signatures for each message, so the revocation must not depend on it.
            response = await all_of_them.post(mirrored(token), "application/json")
            assert response.json()["errors"][0]["extensions"]["code"] == "TOKEN_REVOKED"


async def test_arbitrary_claims_are_never_an_error_of_ours(fort: Fort) -> None:
    async with transports(fort) as all_of_them:
        for payload in (b"{}", b'{"":""}', b'{"iss":{"a":[{"b":[]}]}}', orjson.dumps({"exp": []})):
            await all_of_them.refuse(fort.forge.sign(payload))


async def _raw(fort: Fort, headers: list[str], chunks: bytes | None = None) -> bytes:
    """Send a raw request, and return the answer."""
    address = urlsplit(fort.url)
    body = json.dumps({"query": QUERY}).encode() if chunks is None else chunks
    lines = ["POST /graphql HTTP/1.1", f"Host: {address.netloc}", "Connection: close"]
    lines += ["Content-Type: application/json", "Accept: application/json", *headers]
    if chunks is None:
        lines.append(f"Content-Length: {len(body)}")
    head = "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n"
    return await asyncio.to_thread(_say, (str(address.hostname), address.port or 0), head + body)


def _say(address: tuple[str, int], data: bytes) -> bytes:
    with socket.create_connection(address, 30) as connection:
        heard = b""
        with suppress(ConnectionError):
            connection.sendall(data)
        while more := connection.recv(65_536):
            heard += more
        return heard
