"""Attack tools of others find nothing here that is not for their caller, and find it where a server is open."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import strawberry
from strawberry.asgi import GraphQL
from strawberry.schema.config import StrawberryConfig

from tests.attacks.test_guesses import PUBLIC, words
from tests.support.attackers import clairvoyance, vamp
from tests.support.clock import MovedClock
from tests.support.toy_server import serving, toy_server
from tests.support.vault_schema import SECRETS, vault
from watchword.config.settings import Settings

# Clairvoyance takes a word for a name unless an error names it, and an answer tells 25 errors.
BUCKET = 20
TYPES = {*SECRETS, *PUBLIC}
# What vamp-graphql-audit calls severe at any server of the tests, and why it says nothing of the server.
EVERYWHERE = {
    # The tests' servers are on this machine.
    "Insecure Transport",
    # The tool does not know graphql-core's words for a circle of fragments, which refuse this document.
    "GQL-HOTCHOC-001 Recursive Fragment DoS",
    # Fifteen fragments in each other, with one field, cost what one field costs.
    "GQL-APOLLO-001 Fragment Amplification",
    # An answer to { __typename } is enough for it, if the request has a header of Hasura's.
    "GQL-HASURA-001 Row-Level Permission Bypass",
}
# What it calls severe where a schema is meant to be seen.
SHOWN = {
    "Introspection Enabled",
    # An error names the value that does not fit, in JSON, which no browser renders.
    "Reflected XSS via GraphQL",
    # The tool asks for a hash of which there is no document.
    "APQ Enabled — PersistedQueryNotFound",
}


def guesses() -> list[str]:
    """Return the names of the shop, and those misspelled that begin as fields do."""
    return [word for word in words() if word in TYPES or word[0].islower()]


@strawberry.type
class User:
    id: strawberry.ID
    password: str = "1234"


@strawberry.type
class Query:
    @strawberry.field
    def me(self) -> User:
        return User(id=strawberry.ID("1"))

    @strawberry.field
    def user(self, id: strawberry.ID) -> User | None:
        return User(id=id)

    @strawberry.field
    def find(self, text: str) -> list[User]:
        raise ValueError(f"sqlite3: syntax error near {text}")


def severe(findings: list[dict[str, Any]]) -> set[str]:
    """Return the kinds of what a tool calls severe."""
    return {each["type"] for each in findings if each["severity"] in ("CRITICAL", "HIGH")}


async def found_by_clairvoyance(folder: Path, introspection: str, *headers: str) -> set[str]:
    """Return all names that Clairvoyance finds."""
    async with toy_server(MovedClock(), vault(), introspection=introspection) as server:
        given = [option for header in headers for option in ("-H", header)]
        found = await clairvoyance(server.url, guesses(), folder, *given, bucket=BUCKET)
    return {*found, *(name for fields in found.values() for name in fields)}


@pytest.mark.parametrize("headers", [(), ("Authorization: Bearer alice",)])
async def test_clairvoyance_finds_what_is_public_and_nothing_that_is_hidden(
    headers: tuple[str, ...], tmp_path: Path
) -> None:
    found = await found_by_clairvoyance(tmp_path, "hidden", *headers)
    assert found >= {"Query", "hello", "items", "found", "search"}
    assert found & SECRETS == set()


async def test_clairvoyance_finds_the_vault_where_the_schema_is_shown(tmp_path: Path) -> None:
    found = await found_by_clairvoyance(tmp_path, "shown")
    assert found >= {"hoards", "ingots", "Gold", "carats", "meltDown", "keptBy"}


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"introspection": "scope:schema:read", "persisted_queries_bytes": 0}, EVERYWHERE),
        ({"introspection": "shown"}, EVERYWHERE | SHOWN),
    ],
)
async def test_an_audit_finds_nothing_severe_but_what_is_meant_to_be(
    settings: dict[str, Any], expected: set[str], tmp_path: Path
) -> None:
    async with toy_server(MovedClock(), vault(), **settings) as server:
        assert severe(await vamp(server.url, tmp_path)) == expected


async def test_the_same_audit_finds_much_where_all_is_open(tmp_path: Path) -> None:
    config = StrawberryConfig(batching_config={"max_operations": 1_000})
    app = GraphQL(strawberry.Schema(Query, config=config))
    async with serving(app, Settings(_env_file=None)) as (url, _):
        found = severe(await vamp(url, tmp_path))
    assert found - EVERYWHERE - SHOWN == {
        *("Sensitive Field Exposure", "BOLA / IDOR", "SQL Injection"),
        *("Rate Limit Bypass via Alias", "Batch Query Abuse", "Batching DoS Risk"),
    }
