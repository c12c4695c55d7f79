"""What the README says to paste, pasted."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import httpx2

from tests.support.documents import README, ROOT, bash, block, blocks
from tests.support.server import LiveServer, live_server


def terminals(server: LiveServer) -> list[str]:
    """What the README says to paste, a text for each terminal, for a running server."""
    return [
        text.replace("http://127.0.0.1:8000", server.url).replace("PASSWORD", server.password)
        for text in blocks(README, "sh")
        if "curl" in text
    ]


def test_what_each_terminal_is_told_can_be_pasted_whole(server: LiveServer) -> None:
    first, second = terminals(server)
    listening = subprocess.Popen(
        ["timeout", "60", "bash", "-euc", first], stdout=subprocess.PIPE, text=True
    )
    assert listening.stdout is not None
    with listening, listening.stdout as lines:
        # The query's answer has no line of its own, and a comment says that the stream is open.
        answer = json.loads(lines.readline().removesuffix(":\n"))
        assert len(answer["data"]["incidents"]["nodes"]) == 3
        opened = json.loads(bash(second))
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
