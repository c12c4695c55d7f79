"""`watchword issuers` checks trusted providers, and links their people to accounts."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from typing import Any

import pytest
from click.testing import CliRunner, Result

from tests.support.identity import unit_of
from tests.support.issuer import JWKS, FakeIssuer, fake_issuer
from tests.support.vault import ENCRYPTION_KEY
from watchword.auth.accounts import accounts
from watchword.auth.accounts.links import find
from watchword.cli.commands import cli
from watchword.storage.database import Database


@pytest.fixture
def idp() -> Iterator[FakeIssuer]:
    with fake_issuer() as issuer:
        yield issuer


def invoke(url: str, entries: list[dict[str, Any]], *arguments: str) -> Result:
    given = {
        "WATCHWORD_DATABASE_URL": url,
        "WATCHWORD_ENCRYPTION_KEYS": ENCRYPTION_KEY,
        "WATCHWORD_TRUSTED_ISSUERS": json.dumps(entries),
    }
    return CliRunner(env=given, catch_exceptions=False).invoke(cli, ["issuers", *arguments])


def test_an_issuer_is_asked_for_its_keys(sqlite_url: str, idp: FakeIssuer) -> None:
    result = invoke(sqlite_url, [idp.setting()], "check")
    assert (result.exit_code, result.output) == (0, f"example\t{idp.url}\tok\t1 keys\n")


@pytest.mark.parametrize("document", [{}, {"keys": []}, {"keys": [{"kty": "oct", "kid": "1"}]}])
def test_an_issuer_that_cannot_be_used_is_told(
    sqlite_url: str, idp: FakeIssuer, document: dict[str, Any]
) -> None:
    idp.say(JWKS, document)
    result = invoke(sqlite_url, [idp.setting()], "check")
    assert result.exit_code == 1
    assert "problem\t" in result.output
    assert "1 of 1 issuers cannot be used" in result.output


def test_a_person_is_linked_to_an_account(sqlite_url: str, idp: FakeIssuer) -> None:
    add_account(sqlite_url)
    asked = ("link", "example", "p1", "ann@example.com")
    assert invoke(sqlite_url, [idp.setting()], *asked).exit_code == 0
    assert linked(sqlite_url, idp.url, "p1") == "ann@example.com"
    assert "has an account already" in invoke(sqlite_url, [idp.setting()], *asked).output


def test_a_person_who_was_linked_is_unlinked_and_linked_anew(
    sqlite_url: str, idp: FakeIssuer
) -> None:
    add_account(sqlite_url)
    link = ("link", "example", "p1", "ann@example.com")
    assert invoke(sqlite_url, [idp.setting()], *link).exit_code == 0
    result = invoke(sqlite_url, [idp.setting()], "unlink", "example", "p1")
    assert (result.exit_code, result.output) == (0, "p1 of example is ann@example.com no more.\n")
    assert linked(sqlite_url, idp.url, "p1") is None
    assert invoke(sqlite_url, [idp.setting()], *link).exit_code == 0
    assert linked(sqlite_url, idp.url, "p1") == "ann@example.com"


def test_only_who_is_there_can_be_unlinked(sqlite_url: str, idp: FakeIssuer) -> None:
    unknown = invoke(sqlite_url, [idp.setting()], "unlink", "other", "p1")
    assert "no entry of the name 'other'" in unknown.output
    nobody = invoke(sqlite_url, [idp.setting()], "unlink", "example", "p1")
    assert "This person has no account" in nobody.output
    assert {unknown.exit_code, nobody.exit_code} == {1}


def test_only_who_is_there_can_be_linked(sqlite_url: str, idp: FakeIssuer) -> None:
    unknown = invoke(sqlite_url, [idp.setting()], "link", "other", "p1", "ann@example.com")
    assert "no entry of the name 'other'" in unknown.output
    nobody = invoke(sqlite_url, [idp.setting()], "link", "example", "p1", "nobody@example.com")
    assert "no account for nobody@example.com" in nobody.output
    add_account(sqlite_url)
    odd = invoke(sqlite_url, [idp.setting()], "link", "example", "x" * 256, "ann@example.com")
    assert "A subject has 1 to 255" in odd.output
    assert {unknown.exit_code, nobody.exit_code, odd.exit_code} == {1}


def add_account(url: str) -> None:
    async def run() -> None:
        database = Database(url)
        async with unit_of(database) as unit:
            await accounts.add_account(
                unit, email="ann@example.com", name="Ann", roles=[], hash=None
            )
        await database.close()

    asyncio.run(run())


def linked(url: str, issuer: str, subject: str) -> str | None:
    async def run() -> str | None:
        database = Database(url)
        async with database.read() as db:
            found = await find(db, issuer, subject)
        await database.close()
        return found and found[0].email

    return asyncio.run(run())
