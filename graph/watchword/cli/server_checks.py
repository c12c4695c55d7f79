"""The checks of `watchword doctor --url`: it asks a running server as its clients do, and says what is wrong and what to do.

They see what lies between as well: TLS, proxies, and what they do to headers, sockets and streams.
"""

from __future__ import annotations

import asyncio
import json
import ssl
import time
from collections.abc import Awaitable, Callable
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urlsplit

import httpx2
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake

from watchword.cli.running_server import (
    PATIENCE,
    UNREACHABLE,
    Asked,
    RunningServer,
    explain,
    running_server,
)
from watchword.errors import DocumentNotTrusted, Unsafe
from watchword.transports.http.streaming import KEEP_ALIVE_SECONDS
from watchword.transports.websocket.protocol import SUBPROTOCOL

# A server writes to a quiet stream at this interval, so by then something must have come through.
STREAM_PATIENCE = KEEP_ALIVE_SECONDS + 3
# Seconds by which clocks may differ. The header Date has whole seconds.
CLOCK_TOLERANCE = 3.0
# Days before its end at which a certificate must have been renewed.
RENEWED_DAYS = 10
STRANGER = "https://stranger.invalid"
FAILURES = (*UNREACHABLE, InvalidHandshake, ConnectionClosed)


class Skipped(Exception):
    """The check was not made; the message says what it needs."""


Check = Callable[[RunningServer], Awaitable[str]]
"""Returns what is in order. Raises `Unsafe`, which says what is wrong and what to do, or `Skipped`."""


async def examine(asked: Asked, tell: Callable[[str, str, str], object]) -> int:
    """Make all checks, call `tell` with the verdict, the name and the words of each, and return how many found
    something. A server that cannot be reached is asked nothing more."""
    problems = 0
    async with running_server(asked) as server:
        for name, check in CHECKS.items():
            verdict, said = await _verdict(check, server)
            tell(verdict, name, said)
            problems += verdict == "problem"
            if verdict == "problem" and check is _address:
                break
    return problems


async def _verdict(check: Check, server: RunningServer) -> tuple[str, str]:
    try:
        return "ok", await check(server)
    except Skipped as skipped:
        return "skipped", str(skipped)
    except Unsafe as problem:
        return "problem", str(problem)
    except FAILURES as error:
        return "problem", explain(error)


async def _address(server: RunningServer) -> str:
    """Check that the server answers, and that its certificate is valid for a while."""
    url = urlsplit(server.asked.url)
    if url.scheme == "http" and not server.asked.is_near:
        raise Unsafe("Tokens cross the network in the clear: put a proxy with TLS in front.")
    response = await server.get("/health/live")
    if response.is_redirect:
        raise Unsafe(f"It redirects to {response.headers.get('location')}: use that URL.")
    if response.status_code != 200:
        raise Unsafe(
            f"/health/live answers {response.status_code}: this is no Watchword, or the proxy does not pass it on."
        )
    if url.scheme == "http":
        return f"{server.asked.url} answers, on this machine"
    return f"{server.asked.url} answers, {await _certificate(server, url.hostname or '', url.port or 443)}"


async def _certificate(server: RunningServer, host: str, port: int) -> str:
    async with asyncio.timeout(PATIENCE):
        _, writer = await asyncio.open_connection(host, port, ssl=server.tls)
    try:
        ends = ssl.cert_time_to_seconds(writer.get_extra_info("peercert")["notAfter"])
        version = writer.get_extra_info("ssl_object").version()
    finally:
        writer.close()
    days = int((ends - time.time()) // 86_400)
    if days < RENEWED_DAYS:
        raise Unsafe(f"The certificate ends in {days} days: renew it.")
    return f"with {version} and a certificate for {days} days"


async def _health(server: RunningServer) -> str:
    """Check that the server is ready for traffic."""
    response = await server.get("/health/ready", **server.authorization)
    try:
        answer = response.json()
    except ValueError:
        answer = None
    said = answer if isinstance(answer, dict) else {}
    status = said.get("status")
    if status == "ok" and response.status_code == 200:
        return "is ready for traffic"
    unwell = {name: why for name, why in said.items() if name != "status" and why != "ok"}
    raise Unsafe(
        f"/health/ready answers {response.status_code}, {status or 'without a status'}:"
        f" {json.dumps(unwell)}. The server's log says why."
    )


async def _clock(server: RunningServer) -> str:
    """Compare this machine's clock with the server's or its proxy's."""
    began = time.time()
    response = await server.get("/health/live")
    if "date" not in response.headers:
        raise Skipped("the answers have no Date")
    middle = (began + time.time()) / 2
    ahead = parsedate_to_datetime(response.headers["date"]).timestamp() + 0.5 - middle
    if abs(ahead) > CLOCK_TOLERANCE:
        where = "ahead of" if ahead > 0 else "behind"
        raise Unsafe(
            f"The server's clock is {abs(ahead):.0f} seconds {where} this machine's: set both by NTP."
        )
    return "is this machine's, to a few seconds"


async def _metadata(server: RunningServer) -> str:
    """Check that the server calls itself what its clients call it."""
    found = await server.document("/.well-known/oauth-authorization-server")
    issuer = found.get("issuer")
    if issuer != server.asked.url:
        raise Unsafe(
            f"The issuer is {issuer}, and clients use {server.asked.url}: set WATCHWORD_ISSUER to that, or use the"
            " issuer's URL. DPoP proofs, passkeys and redirects are checked against it."
        )
    return "names this URL as the issuer"


async def _keys(server: RunningServer) -> str:
    """Check that other services can fetch the keys that verify our tokens."""
    found = (await server.document("/.well-known/jwks.json")).get("keys")
    keys = found if isinstance(found, list) else []
    if not keys:
        raise Unsafe("There is no public key: run `watchword doctor` on the server.")
    if any("d" in key for key in keys):
        raise Unsafe("A key is not public: something else than Watchword answers here.")
    return (
        f"{len(keys)} can be fetched ({', '.join(sorted({str(key.get('alg')) for key in keys}))})"
    )


async def _query(server: RunningServer) -> str:
    """Send a query, and the same without a body that only JSON may have."""
    response = await server.client.post(
        server.asked.url + "/graphql",
        json={"query": "{ __typename }"},
        headers={"accept": "application/graphql-response+json", **server.authorization},
    )
    if response.status_code == 401:
        raise Unsafe(
            f"The token is refused ({response.headers.get('www-authenticate')}): get a new one."
        )
    try:
        answer = response.json()
    except ValueError:
        answer = None
    if DocumentNotTrusted.code in response.text:
        return (
            "is refused by the server itself, which takes only trusted documents from this caller"
        )
    if not isinstance(answer, dict) or "data" not in answer:
        raise Unsafe(
            f"/graphql answers {response.status_code} to a query: let the proxy pass POST and its body on."
        )
    return "is answered" + (", with the token" if server.asked.token else "")


async def _socket(server: RunningServer) -> str:
    """Open a socket, send `connection_init`, and wait for the answer to a ping."""
    url = server.asked.url.replace("http", "ws", 1) + "/graphql"
    tls = server.tls if url.startswith("wss") else None
    payload = {"Authorization": f"Bearer {server.asked.token}"} if server.asked.token else {}
    try:
        async with (
            asyncio.timeout(PATIENCE),
            connect(url, subprotocols=[SUBPROTOCOL], ssl=tls, proxy=None) as socket,  # type: ignore[list-item]
        ):
            await _expect(socket, {"type": "connection_init", "payload": payload}, "connection_ack")
            await _expect(socket, {"type": "ping"}, "pong")
    except InvalidHandshake as error:
        raise Unsafe(
            f"The socket's handshake is refused ({error}): let the proxy pass Upgrade and Connection on, by HTTP/1.1."
        ) from error
    except ConnectionClosed as error:
        closed = error.rcvd
        raise Unsafe(
            f"The socket is closed with {closed.code} {closed.reason}."
            if closed
            else "The socket is cut: let the proxy keep sockets open."
        ) from error
    except TimeoutError as error:
        raise Unsafe(
            "The socket opens and says nothing: let the proxy pass its messages on at once."
        ) from error
    return "opens, is acknowledged and answers a ping"


async def _expect(socket: Any, message: dict[str, Any], kind: str) -> None:
    await socket.send(json.dumps(message))
    while (said := json.loads(await socket.recv()))["type"] != kind:
        if said["type"] != "ping":
            raise Unsafe(f"A socket's {message['type']} is answered with {said['type']}.")


async def _stream(server: RunningServer) -> str:
    """Open a subscription as server-sent events, and wait until something comes through."""
    if server.asked.subscription is None:
        raise Skipped(
            "give --subscription, and WATCHWORD_TOKEN, to see whether a proxy holds events back"
        )
    headers = {"accept": "text/event-stream", **server.authorization}
    try:
        async with (
            asyncio.timeout(STREAM_PATIENCE),
            server.client.stream(
                "POST",
                server.asked.url + "/graphql",
                json={"query": server.asked.subscription},
                headers=headers,
                timeout=STREAM_PATIENCE,
            ) as response,
        ):
            return await _first(response)
    except (TimeoutError, httpx2.TimeoutException) as error:
        raise Unsafe(
            f"Nothing of a stream came through in {STREAM_PATIENCE:g} seconds, and the server writes every"
            f" {KEEP_ALIVE_SECONDS:g}: tell the proxy not to buffer (nginx: proxy_buffering off)."
        ) from error


async def _first(response: httpx2.Response) -> str:
    if not response.headers.get("content-type", "").startswith("text/event-stream"):
        raise Unsafe(
            f"A stream is answered with {response.status_code} and no events: check the subscription, and let the proxy"
            " pass Accept on."
        )
    async for chunk in response.aiter_raw():
        if b'"errors"' in chunk:
            raise Unsafe(f"The subscription is refused: {chunk[:300].decode(errors='replace')!r}.")
        return "comes through as it is written"
    raise Unsafe("A stream ends before anything came: let the proxy keep streams open.")


async def _origins(server: RunningServer) -> str:
    """Check which web pages of other origins may use the server in a person's name."""
    if await _allows(server, STRANGER):
        raise Unsafe(
            "Pages of any origin may send requests with cookies: remove the CORS headers from the proxy;"
            " WATCHWORD_ALLOWED_ORIGINS sets the right ones."
        )
    if server.asked.origin is None:
        return "of strangers are refused"
    if not await _allows(server, server.asked.origin):
        raise Unsafe(
            f"Pages of {server.asked.origin} may not use this server: add it to WATCHWORD_ALLOWED_ORIGINS, and let"
            " the proxy pass OPTIONS on."
        )
    return f"of strangers are refused, and {server.asked.origin} is allowed"


async def _allows(server: RunningServer, origin: str) -> bool:
    headers = {
        "origin": origin,
        "access-control-request-method": "POST",
        "access-control-request-headers": "authorization,content-type",
    }
    response = await server.client.options(server.asked.url + "/graphql", headers=headers)
    allowed = response.headers.get("access-control-allow-origin")
    return response.is_success and allowed in ("*", origin)


async def _metrics(server: RunningServer) -> str:
    """Check that the public cannot read metrics."""
    response = await server.get("/metrics")
    if response.status_code != 200:
        return "are not shown without a token"
    if server.asked.is_near:
        return "are shown to this machine"
    raise Unsafe(
        "Anybody can read /metrics: let the proxy refuse the path, or send X-Forwarded-For, or set"
        " WATCHWORD_METRICS_NETWORKS to []."
    )


CHECKS: dict[str, Check] = {
    "address": _address,
    "health": _health,
    "clock": _clock,
    "metadata": _metadata,
    "keys": _keys,
    "query": _query,
    "socket": _socket,
    "stream": _stream,
    "origins": _origins,
    "metrics": _metrics,
}
