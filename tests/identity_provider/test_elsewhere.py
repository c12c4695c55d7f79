"""Other services verify our tokens with a stock library: the examples of the documents, as they are."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import httpx2
import pytest

from tests.support.identity_provider import FOLDER
from tests.support.node import installed
from tests.support.server import LiveServer

HERE = "http://127.0.0.1:8000/.well-known"
EXAMPLES = ["verify_elsewhere.py", "verify_elsewhere.mjs"]


@pytest.fixture
def token(server: LiveServer) -> str:
    body = {"email": server.email, "password": server.password}
    answer = httpx2.post(f"{server.url}/api/auth/login", json=body)
    return str(answer.json()["access_token"])


def run(name: str, server: LiveServer, token: str) -> subprocess.CompletedProcess[str]:
    """Run an example in a process of its own; all that is changed is the server's port."""
    text = (FOLDER / name).read_text().replace(HERE, f"{server.url}/.well-known")
    if name.endswith(".py"):
        command = [sys.executable, "-c", text]
    else:
        command = [str(installed(FOLDER)), "--input-type=module", "-e", text]
    return subprocess.run(
        command, input=token, capture_output=True, text=True, timeout=60, cwd=Path(FOLDER)
    )


@pytest.mark.parametrize("name", EXAMPLES)
def test_another_service_verifies_our_token(name: str, server: LiveServer, token: str) -> None:
    done = run(name, server, token)
    assert done.returncode == 0, done.stderr
    headers = {"authorization": f"Bearer {token}"}
    answer = httpx2.post(
        f"{server.url}/graphql", json={"query": "{ viewer { id } }"}, headers=headers
    )
    assert done.stdout.strip() == answer.json()["data"]["viewer"]["id"]


@pytest.mark.parametrize("name", EXAMPLES)
def test_another_service_refuses_a_token_that_was_changed(
    name: str, server: LiveServer, token: str
) -> None:
    assert run(name, server, token[:-8] + "AAAAAAAA").returncode != 0


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_is_of_ten_lines(name: str) -> None:
    lines = (FOLDER / name).read_text().splitlines()
    assert len([line for line in lines if line.strip()]) <= 11
