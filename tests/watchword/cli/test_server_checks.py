"""`watchword doctor --url` finds what is wrong between a server and its clients, and says what to do."""

from __future__ import annotations

import asyncio
import json
import ssl
import time
from collections.abc import AsyncIterator, Callable, Iterator
from email.utils import formatdate
from typing import Any

import httpx2
import pytest
from websockets.asyncio.server import serve

from tests.support.command_line import watchword
from tests.support.server import LiveServer, issuing
from watchword.cli import server_checks
from watchword.cli.running_server import Asked, RunningServer, running_server
from watchword.cli.server_checks import CHECKS

DAY = 86_400
FAR = "https://api.example.com"
PRESENT = 'subscription { incidentUpdated(incidentId: "%s", present: true) { kind } }'
Handler = Callable[[httpx2.Request], httpx2.Response]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    with issuing(tmp_path_factory.mktemp("home"), WATCHWORD_METRICS="prometheus") as made:
        yield made


def doctor(url: str, *more: str, **environment: str) -> tuple[int, dict[str, tuple[str, str]]]:
    """Run the command; return its exit code, and verdict and words of each check."""
    result = watchword("doctor", "--url", url, *more, **environment)
    lines = [line.split(maxsplit=2) for line in result.stdout.splitlines()]
    return result.exit_code, {name: (verdict, said) for verdict, name, said in lines}


def verdicts(found: dict[str, tuple[str, str]]) -> dict[str, str]:
    return {name: verdict for name, (verdict, _) in found.items()}


def test_a_server_that_is_well_passes_every_check(server: LiveServer) -> None:
    incident = httpx2.post(
        f"{server.url}/graphql", json={"query": "{ incidents(first: 1) { nodes { id } } }"}
    ).json()
    given = PRESENT % incident["data"]["incidents"]["nodes"][0]["id"]
    body = {"email": server.email, "password": server.password}
    token = httpx2.post(f"{server.url}/api/auth/login", json=body).json()["access_token"]
    code, found = doctor(f"{server.url}/", "--subscription", given, WATCHWORD_TOKEN=token)
    assert verdicts(found) == dict.fromkeys(CHECKS, "ok"), found
    assert code == 0
    assert found["query"][1] == "is answered, with the token"


def test_a_server_that_takes_only_trusted_documents_is_well(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    folder = tmp_path_factory.mktemp("strict")
    manifest = folder / "documents.json"
    manifest.write_text('{"names": "{ components { name } }"}')
    settings = {"WATCHWORD_DOCUMENTS": str(manifest), "WATCHWORD_DOCUMENTS_ONLY": "true"}
    with issuing(folder / "home", **settings) as strict:
        _, found = doctor(strict.url)
    assert found["query"][0] == "ok"
    assert "only trusted documents" in found["query"][1]


def test_without_a_subscription_streams_are_not_checked(server: LiveServer) -> None:
    code, found = doctor(server.url)
    assert verdicts(found) == dict.fromkeys(CHECKS, "ok") | {"stream": "skipped"}
    assert code == 0


def test_another_name_than_the_issuers_is_found(server: LiveServer) -> None:
    code, found = doctor(server.url.replace("localhost", "127.0.0.1"))
    assert code == 1
    assert {name for name, (verdict, _) in found.items() if verdict == "problem"} == {"metadata"}
    assert "set WATCHWORD_ISSUER" in found["metadata"][1]


def test_a_refused_token_is_found(server: LiveServer) -> None:
    _, found = doctor(server.url, "--token", "forged")
    assert "The token is refused" in found["query"][1]
    assert found["socket"] == (
        "problem",
        "The socket is closed with 4401 The access token is not valid. Sign in again..",
    )


def test_an_origin_that_is_not_allowed_is_found(server: LiveServer) -> None:
    _, found = doctor(server.url, "--origin", "https://app.example.com")
    assert "add it to WATCHWORD_ALLOWED_ORIGINS" in found["origins"][1]


def test_a_subscription_that_is_no_document_is_no_sign_of_a_proxy(server: LiveServer) -> None:
    _, found = doctor(server.url, "--subscription", "subscription { nothing }")
    assert "check the subscription" in found["stream"][1]


def test_a_server_that_cannot_be_reached_is_asked_nothing_more() -> None:
    code, found = doctor("http://127.0.0.1:1")
    assert (code, verdicts(found)) == (1, {"address": "problem"})
    assert "cannot be reached" in found["address"][1]


async def said(name: str, handler: Handler, asked: Asked | None = None) -> str:
    """Make one check of a server that answers in this way; return what is wrong with it."""
    async with httpx2.AsyncClient(transport=httpx2.MockTransport(handler)) as client:
        server = RunningServer(asked or Asked(FAR), client, ssl.create_default_context())
        verdict, words = await server_checks._verdict(CHECKS[name], server)
    assert verdict == "problem", words
    return words


def answering(status: int = 200, content: Any = None, **headers: str) -> Handler:
    body = content if isinstance(content, bytes) else json.dumps(content).encode()
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return lambda request: httpx2.Response(status, content=body, headers=named)


@pytest.mark.parametrize(
    ("name", "handler", "words"),
    [
        ("address", answering(302, location="https://www.example.com/health/live"), "redirects to"),
        ("address", answering(404), "no Watchword"),
        (
            "health",
            answering(503, {"status": "unavailable", "database": "not reachable"}),
            "not reachable",
        ),
        ("health", answering(502, b"<html>"), "answers 502"),
        ("health", answering(200, ["up"]), "without a status"),
        (
            "health",
            answering(200, {"status": "degraded", "tasks": {"the look": "not well"}}),
            "the look",
        ),
        ("clock", answering(200, date=formatdate(time.time() + DAY, usegmt=True)), "ahead of"),
        ("clock", answering(200, date=formatdate(time.time() - DAY, usegmt=True)), "behind"),
        ("metadata", answering(404), "let the proxy pass"),
        ("metadata", answering(200, {"issuer": "http://127.0.0.1:8000"}), "set WATCHWORD_ISSUER"),
        ("keys", answering(200, {"keys": []}), "no public key"),
        ("keys", answering(200, {"keys": [{"kid": "1", "d": "secret"}]}), "not public"),
        ("keys", answering(200, b"not JSON"), "no JSON object"),
        ("query", answering(405, b"not allowed"), "let the proxy pass POST"),
        ("query", answering(401, {"errors": []}, www_authenticate="Bearer"), "token is refused"),
        ("origins", answering(200, access_control_allow_origin="*"), "remove the CORS headers"),
        (
            "origins",
            answering(200, access_control_allow_origin=server_checks.STRANGER),
            "remove the CORS",
        ),
        ("metrics", answering(200, b"up 1"), "Anybody can read /metrics"),
    ],
)
async def test_what_is_wrong_is_said_with_what_to_do(
    name: str, handler: Handler, words: str
) -> None:
    assert words in await said(name, handler)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b'event: next\ndata: {"errors":[{"message":"Sign in first."}]}\n\n', "Sign in first."),
        (b"", "let the proxy keep streams open"),
    ],
)
async def test_a_stream_that_is_refused_or_cut_is_found(content: bytes, words: str) -> None:
    async def chunks() -> AsyncIterator[bytes]:
        if content:
            yield content

    def handler(request: httpx2.Request) -> httpx2.Response:
        headers = {"content-type": "text/event-stream; charset=utf-8"}
        return httpx2.Response(200, content=chunks(), headers=headers)

    assert words in await said("stream", handler, Asked(FAR, subscription="subscription { any }"))


async def test_tokens_in_the_clear_are_found() -> None:
    assert "in the clear" in await said("address", answering(), Asked("http://api.example.com"))


async def test_a_server_that_says_nothing_is_found() -> None:
    def slow(request: httpx2.Request) -> httpx2.Response:
        raise httpx2.ReadTimeout("", request=request)

    assert "no answer in 10 seconds" in await said("keys", slow)


async def test_a_certificate_that_is_refused_is_explained() -> None:
    def refusing(request: httpx2.Request) -> httpx2.Response:
        error = ssl.SSLCertVerificationError("certificate verify failed")
        error.verify_message = "self-signed certificate"
        raise httpx2.ConnectError("no", request=request) from error

    assert "self-signed certificate" in await said("address", refusing)


async def test_a_stream_that_a_proxy_holds_back_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server_checks, "STREAM_PATIENCE", 0.2)

    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n")
        await reader.read()
        writer.close()

    held = await asyncio.start_server(silent, "127.0.0.1", 0)
    port = held.sockets[0].getsockname()[1]
    asked = Asked(f"http://127.0.0.1:{port}", subscription="subscription { any }")
    async with held, running_server(asked) as server:
        verdict, words = await server_checks._verdict(CHECKS["stream"], server)
    assert verdict == "problem"
    assert "tell the proxy not to buffer" in words


async def test_a_proxy_that_passes_no_sockets_on_is_found() -> None:
    async def plain(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n")
        writer.close()

    proxy = await asyncio.start_server(plain, "127.0.0.1", 0)
    port = proxy.sockets[0].getsockname()[1]
    async with proxy, running_server(Asked(f"http://127.0.0.1:{port}")) as server:
        verdict, words = await server_checks._verdict(CHECKS["socket"], server)
    assert verdict == "problem"
    assert "let the proxy pass Upgrade" in words


async def test_a_socket_that_says_nothing_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server_checks, "PATIENCE", 0.2)

    async def silent(socket: Any) -> None:
        await socket.wait_closed()

    protocols: Any = ["graphql-transport-ws"]
    async with serve(silent, "127.0.0.1", 0, subprotocols=protocols) as listening:
        port = next(iter(listening.sockets)).getsockname()[1]
        async with running_server(Asked(f"http://127.0.0.1:{port}")) as server:
            verdict, words = await server_checks._verdict(CHECKS["socket"], server)
    assert verdict == "problem"
    assert "opens and says nothing" in words
