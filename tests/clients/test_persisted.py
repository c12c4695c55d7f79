"""Stock clients' automatic persisted queries: told that they are not supported, they send documents."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.clients.account import Account
from tests.clients.script import running

QUERY = "{ __schema { queryType { name } } }"


@pytest.mark.parametrize("get", [False, True])
@pytest.mark.parametrize("client", ["apollo", "urql"])
async def test_a_client_that_sends_hashes_goes_on_with_documents_for_good(
    client: str, get: bool, node: Path, account: Account
) -> None:
    options = {"client": client, "get": get, "query": QUERY}
    async with running(node, "persisted.mjs", **options, **account) as script:
        steps = await script.rest()
    answers = [step["data"]["__schema"] for step in steps if step["step"] == "answer"]
    assert [answer["queryType"]["name"] for answer in answers] == ["Query", "Query"]
    requests = [step for step in steps if step["step"] == "request"]
    # The client sends the hash once, then the document, and from then on only documents.
    assert [each["query"] for each in requests] == [False, True, True]
    assert (requests[0]["method"], requests[0]["hash"]) == ("GET" if get else "POST", True)
