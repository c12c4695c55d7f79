"""What the README says to paste, pasted."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx2
import pytest

from tests.support.documents import DOCS, README, block, blocks
from tests.support.server import LiveServer


def terminals(server: LiveServer) -> list[str]:
    """What the README says to paste, a text for each terminal, for a running server."""
    return [
        text.replace("http://127.0.0.1:8000", server.url).replace("PASSWORD", server.password)
        for text in blocks(README, "sh")
        if "curl" in text
    ]


@contextmanager
def terminal(text: str) -> Iterator[Iterator[str]]:
    """Paste into a terminal; give the lines that it prints."""
    command = ["timeout", "60", "bash", "-euc", text]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        yield process.stdout
        process.terminate()


def event(line: str) -> tuple[str, str]:
    """Return the kind of an event and what its update says."""
    changed = json.loads(line.removeprefix("data: "))["data"]["incidentsChanged"]
    return changed["kind"], (changed["update"] or {}).get("body", "")


def test_what_each_terminal_is_told_can_be_pasted_whole(server: LiveServer) -> None:
    public, responder = terminals(server)
    with terminal(public) as seen:
        # The query's answer has no line of its own, and a comment says that the stream is open.
        answer = json.loads(next(seen).removesuffix(":\n"))
        assert len(answer["data"]["incidents"]["nodes"]) == 3
        with terminal(responder) as lines:
            told = list(lines)
        # The public hears of what comes next, and has not heard of the note.
        with terminal(responder) as lines:
            list(lines)
        heard = [event(line) for line in seen_until(seen, 2)]
    assert heard == [("OPENED", "We are on it.")] * 2
    events = [line for line in told if line.startswith("data: {")]
    assert [event(line)[1] for line in events[:2]] == ["We are on it.", "Suspect the cache."]
    assert "TOKEN_REVOKED" in "".join(told)


def seen_until(lines: Iterator[str], many: int) -> list[str]:
    """Return the next events of a stream."""
    events = (line for line in lines if line.startswith("data: {"))
    return [next(events) for _ in range(many)]


def test_the_schema_of_ones_own_is_served(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = block(README, "python", "# shop.py")
    assert len([line for line in text.splitlines() if line.strip()]) <= 25
    (tmp_path / "shop.py").write_text(text)
    monkeypatch.chdir(tmp_path)
    server = LiveServer(tmp_path / "var")
    server.arguments = ("--schema", "shop:schema")
    assert f"watchword serve {' '.join(server.arguments)}" in README.read_text()
    server.start()
    try:
        signed_in = {"email": server.email, "password": server.password}
        token = httpx2.post(f"{server.url}/api/auth/login", json=signed_in).json()["access_token"]
        asked = {"query": 'mutation { placeOrder(item: "tea") }'}
        headers = {"authorization": f"Bearer {token}"}
        answer = httpx2.post(f"{server.url}/graphql", json=asked, headers=headers).json()
        refused = httpx2.post(f"{server.url}/graphql", json=asked).json()
    finally:
        server.stop()
    assert answer["data"] == {"placeOrder": "tea"}
    assert refused["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"


def test_its_figures_are_those_of_the_explanation() -> None:
    measured = (DOCS / "explanation/benchmark/figures.md").read_text()
    text = README.read_text().partition("## Figures")[2].partition("\n## ")[0]
    shown = re.findall(r"\| (\d+\.\d+)", text)
    assert len(shown) == 10
    assert all(f"| {ratio} (" in measured for ratio in shown)


def test_it_is_short() -> None:
    assert len(README.read_text().splitlines()) <= 150
