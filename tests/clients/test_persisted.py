"""Stock clients' automatic persisted queries: a document is sent once, and then only its hash."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.clients.account import Account
from tests.clients.script import running


@pytest.mark.parametrize("get", [False, True])
@pytest.mark.parametrize("client", ["apollo", "urql"])
async def test_a_client_sends_its_document_once_and_then_only_the_hash(
    client: str, get: bool, node: Path, account: Account
) -> None:
    # A document of its own: no other test must have registered it.
    query = f"query {client}{get} {{ __schema {{ queryType {{ name }} }} }}"
    options = {"client": client, "get": get, "query": query}
    async with running(node, "persisted.mjs", **options, **account) as script:
        steps = await script.rest()
    answers = [step["data"]["__schema"] for step in steps if step["step"] == "answer"]
    assert [answer["queryType"]["name"] for answer in answers] == ["Query", "Query"]
    requests = [step for step in steps if step["step"] == "request"]
    # Nobody has registered the document yet, so the client sends it with its hash; from then on it is known.
    assert [each["query"] for each in requests] == [False, True, False]
    assert all(each["hash"] for each in requests)
    by = "GET" if get else "POST"
    assert (requests[0]["method"], requests[2]["method"]) == (by, by)
