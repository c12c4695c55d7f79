"""The page about uploads, as it is written there: its schema, and files that curl, urql, Apollo Client and gql send."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

from tests.support.documents import HOW_TO, ROOT, bash, block, run
from tests.support.server import LiveServer, live_server

PAGE = HOW_TO / "uploads.md"
CLIENTS = ROOT / "tests/clients"
# What a front end has, and the files that a person has chosen.
FRONT_END = """
const [ORIGIN, TOKEN] = process.argv.slice(1);
const files = [new File(["first"], "1.png", { type: "image/png" }), new Blob(["x".repeat(100_000)])];
"""
URQL = """
import { Client, fetchExchange, gql } from "@urql/core";
const client = new Client({
  url: `${ORIGIN}/graphql`,
  preferGetMethod: false,
  exchanges: [fetchExchange],
  fetchOptions: { headers: { authorization: `Bearer ${TOKEN}` } },
});
"""


@pytest.fixture(scope="module")
def album(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    home = tmp_path_factory.mktemp("album")
    (home / "album.py").write_text(block(PAGE, "python", "# album.py"))
    with live_server(home, WATCHWORD_MOUNT="album:schema", PYTHONPATH=str(home)) as server:
        yield server


@pytest.fixture
def token(album: LiveServer) -> str:
    body = {"email": album.email, "password": album.password}
    return str(httpx2.post(f"{album.url}/api/auth/login", json=body).json()["access_token"])


def test_curl_sends_a_file(album: LiveServer, token: str, tmp_path: Path) -> None:
    said = bash(block(PAGE, "sh", "curl"), tmp_path, ORIGIN=album.url, TOKEN=token)
    assert json.loads(said) == {"data": {"addPhoto": {"name": "cat.png", "size": 20}}}


@pytest.mark.parametrize(("named", "before"), [("client.mutation(", URQL), ("UploadHttpLink", "")])
def test_a_client_sends_files_in_an_input_object(
    named: str, before: str, node: Path, album: LiveServer, token: str
) -> None:
    shown = block(PAGE, "js", named)
    text = FRONT_END + before + shown + "console.log(JSON.stringify(data));"
    said = run(node, "--input-type=module", "-e", text, album.url, token, cwd=CLIENTS)
    added = [(each["name"], each["size"]) for each in json.loads(said)["addAlbum"]]
    assert added == [("1.png", 5), ("blob", 100_000)]


def test_gql_sends_a_file(album: LiveServer, token: str, tmp_path: Path) -> None:
    (tmp_path / "cat.bin").write_bytes(bytes(range(256)) * 1_000)
    text = block(PAGE, "python", "# send.py")
    said = run(sys.executable, "-c", text, album.url, token, str(tmp_path / "cat.bin"))
    assert said == "{'addPhoto': {'name': 'cat.png', 'size': 256000}}\n"


def test_nobody_else_may_send_one(album: LiveServer, tmp_path: Path) -> None:
    anonymous = block(PAGE, "sh", "curl").replace("authorization: Bearer $TOKEN", "x-none: 1")
    refused = json.loads(bash(anonymous, tmp_path, ORIGIN=album.url))
    assert "GraphQL-Require-Preflight" in refused["errors"][0]["message"]
    preflighted = anonymous.replace("x-none: 1", "GraphQL-Require-Preflight: 1")
    answer = json.loads(bash(preflighted, tmp_path, ORIGIN=album.url))
    assert answer["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"
