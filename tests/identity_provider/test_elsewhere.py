"""Other services verify our tokens with a stock library: runs the examples of the documents unchanged."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import httpx2
import pytest

from tests.support.documents import HOW_TO, block
from tests.support.identity_provider import FOLDER
from tests.support.node import installed
from tests.support.server import LiveServer

PAGE = HOW_TO / "verify-tokens.md"
HERE = "http://127.0.0.1:8000/.well-known"
LANGUAGES = ["python", "js"]
# Do once, with a token from standard input, what an edge platform does for each request.
PLATFORM = """
import { text } from "node:stream/consumers";
import edge from "./edge.mjs";
const authorization = `Bearer ${(await text(process.stdin)).trim()}`;
const answer = await edge.fetch(new Request("https://edge.example.com", { headers: { authorization } }));
if (answer.status !== 200) process.exit(1);
const { subject, scopes } = await answer.json();
if (!scopes.includes("incidents:read")) process.exit(2);
console.log(subject);
"""


@pytest.fixture
def token(server: LiveServer) -> str:
    body = {"email": server.email, "password": server.password}
    answer = httpx2.post(f"{server.url}/api/auth/login", json=body)
    return str(answer.json()["access_token"])


def run(
    language: str, server: LiveServer, token: str, folder: Path
) -> subprocess.CompletedProcess[str]:
    """Run an example in its own process, with only the server's port changed."""
    text = block(PAGE, language, "jwks.json").replace(HERE, f"{server.url}/.well-known")
    if language == "python":
        command = [sys.executable, "-c", text]
    else:
        (folder / "node_modules").symlink_to(FOLDER / "node_modules")
        (folder / "edge.mjs").write_text(text)
        (folder / "platform.mjs").write_text(PLATFORM)
        command = [str(installed(FOLDER)), "platform.mjs"]
    return subprocess.run(
        command, input=token, capture_output=True, text=True, timeout=60, cwd=folder
    )


@pytest.mark.parametrize("language", LANGUAGES)
def test_another_service_verifies_our_token(
    language: str, server: LiveServer, token: str, tmp_path: Path
) -> None:
    done = run(language, server, token, tmp_path)
    assert done.returncode == 0, done.stderr
    headers = {"authorization": f"Bearer {token}"}
    answer = httpx2.post(
        f"{server.url}/graphql", json={"query": "{ viewer { id } }"}, headers=headers
    )
    assert done.stdout.strip() == answer.json()["data"]["viewer"]["id"]


@pytest.mark.parametrize("language", LANGUAGES)
def test_another_service_refuses_a_token_that_was_changed(
    language: str, server: LiveServer, token: str, tmp_path: Path
) -> None:
    assert run(language, server, token[:-8] + "AAAAAAAA", tmp_path).returncode == 1


def test_the_example_is_of_ten_lines() -> None:
    lines = block(PAGE, "python", "jwks.json").splitlines()
    assert len([line for line in lines if line.strip()]) <= 11
