"""What the README says to paste, pasted."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import httpx2

from tests.support.documents import README, ROOT, bash, block
from tests.support.server import LiveServer, live_server


def commands(server: LiveServer) -> dict[str, str]:
    """The commands that follow a comment, by what the comment speaks of, for a running server."""
    text = block(README, "sh", "curl")
    text = text.replace("http://127.0.0.1:8000", server.url).replace("PASSWORD", server.password)
    parts = [part.split("\n", 1) for part in text.strip().split("\n\n")]
    kinds = ("query", "Sign in", "subscription", "mutation")
    return {kind: command for kind in kinds for comment, command in parts if kind in comment}


def test_the_query_the_sign_in_the_mutation_and_the_subscription_can_be_pasted(
    server: LiveServer,
) -> None:
    pasted = commands(server)
    answer = json.loads(bash(pasted["query"]))
    assert len(answer["data"]["incidents"]["nodes"]) == 3
    token = bash(pasted["Sign in"] + '\necho "$TOKEN"').strip()
    listening = subprocess.Popen(
        ["timeout", "60", "bash", "-euc", f"exec {pasted['subscription']}"],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert listening.stdout is not None
    with listening, listening.stdout as lines:
        # The first comment says that the stream is open.
        assert lines.readline() == ":\n"
        opened = json.loads(bash(pasted["mutation"], TOKEN=token))
        assert opened["data"]["openIncident"]["status"] == "INVESTIGATING"
        heard = next(line for line in lines if line.startswith("data: {"))
        listening.kill()
    event = json.loads(heard.removeprefix("data: "))["data"]["incidentsChanged"]
    assert (event["kind"], event["incident"]["name"]) == ("OPENED", "Checkout is slow")


def test_the_schema_of_ones_own_is_served_with_the_people_and_the_commands(tmp_path: Path) -> None:
    (tmp_path / "shop.py").write_text(block(README, "python", "# shop.py"))
    path = f"{tmp_path}{os.pathsep}{ROOT}"
    with live_server(tmp_path, WATCHWORD_MOUNT="shop:schema", PYTHONPATH=path) as server:
        printed = server.run("schema", "print")
        assert "placeOrder(item: String!): String" in printed
        (tmp_path / "schema.graphql").write_text(printed)
        server.run("schema", "check")
        server.run("accounts", "add", "clerk@example.com", "--role", "clerk")
        grant = ("--grant", "client_credentials", "--scope", "orders:write")
        server.run("clients", "add", "Till", *grant)
        signed_in = {"email": server.email, "password": server.password}
        token = httpx2.post(f"{server.url}/api/auth/login", json=signed_in).json()["access_token"]
        asked = {"query": "{ viewer { id } sessions { id } clients { nodes { name } } }"}
        headers = {"authorization": f"Bearer {token}"}
        answer = httpx2.post(f"{server.url}/graphql", json=asked, headers=headers).json()
    assert answer.get("errors") is None
    assert len(answer["data"]["sessions"]) == 1
    assert answer["data"]["clients"]["nodes"] == [{"name": "Till"}]
