"""The audits of graphql-http for conformance to GraphQL over HTTP."""

from __future__ import annotations

from pathlib import Path

from tests.clients.account import Account
from tests.clients.script import running

# The audits of graphql-http 1.23, without a token and with one; fewer would mean that some did not run.
AUDITS = 2 * 61


async def test_every_audit_passes(node: Path, account: Account) -> None:
    async with running(node, "graphql_http_audit.mjs", **account) as script:
        steps = await script.rest()
    audits = [step for step in steps if step["step"] == "audit"]
    assert [audit for audit in audits if audit["status"] != "ok"] == []
    assert len(audits) == AUDITS
