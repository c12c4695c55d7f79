"""What the README says to paste, pasted."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

from graph.settings import Settings
from tests.support.server import LiveServer

README = Path(__file__).parents[1] / "README.md"


def blocks(language: str) -> list[str]:
    """The fenced blocks of a language."""
    return re.findall(rf"^```{language}\n(.*?)^```", README.read_text(), re.MULTILINE | re.DOTALL)


def commands(server: LiveServer) -> dict[str, str]:
    """The commands that follow a comment, by what the comment speaks of, for a running server."""
    [block] = [block for block in blocks("sh") if "curl" in block]
    text = block.replace("http://127.0.0.1:8000", server.url).replace("PASSWORD", server.password)
    parts = [part.split("\n", 1) for part in text.strip().split("\n\n")]
    kinds = ("query", "Sign in", "subscription", "mutation")
    return {kind: command for kind in kinds for comment, command in parts if kind in comment}


def bash(command: str, **environment: str) -> str:
    done = subprocess.run(
        ["bash", "-euc", command],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    return done.stdout


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


def test_the_schema_of_ones_own_can_be_served(tmp_path: Path) -> None:
    [module] = blocks("python")
    (tmp_path / "shop.py").write_text(module)
    (tmp_path / "schema.graphql").write_text("")
    printed = subprocess.run(
        [sys.executable, "-m", "graph", "schema", "print", "--schema", "shop:schema"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": os.getcwd()},
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert "placeOrder(item: String!): String" in printed


def test_every_setting_that_is_named_exists() -> None:
    names = set(re.findall(r"WATCHWORD_([A-Z_]+)", README.read_text()))
    assert {name.lower() for name in names} <= set(Settings.model_fields)


def test_every_file_that_is_linked_exists() -> None:
    links = re.findall(r"\]\((?!https?:)([^)#]+)\)", README.read_text())
    assert links
    assert [link for link in links if not (README.parent / link).exists()] == []
