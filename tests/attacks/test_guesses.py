"""A caller who guesses names finds nothing that is hidden from it, neither by errors nor by their suggestions.

The guesses are those of Clairvoyance (https://github.com/nikitastupin/clairvoyance): words at every place where a
document names something, in groups so small that each word is answered. A word is found if no error calls it unknown, or
if a suggestion has it. `test_tools.py` runs Clairvoyance itself, which looks for fields.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest

from tests.conformance.test_operations import first
from tests.support.clock import MovedClock
from tests.support.toy_server import ToyServer, toy_server
from tests.support.vault_schema import SECRETS, vault

AT_ONCE = 10
# By what is named: a document, and how one word is written in it.
PLACES = {
    "fields of a query": ("{ %s }", "{w}"),
    "fields of a subscription": ("subscription { %s }", "{w}"),
    "fields of a mutation": ("mutation { %s }", "{w}"),
    "fields of an interface": ("{ items { %s } }", "{w}"),
    "fields of a union": ("{ found { %s } }", "{w}"),
    "fields of a type": ("{ found { ... on Book { %s } } }", "{w}"),
    "fields of another type": ("{ items { ... on Safe { %s } } }", "{w}"),
    "types": ("{ found { %s } }", "... on {w} {{ __typename }}"),
    "types of variables": ("query (%s) { hello }", "$v{n}: {w}"),
    "arguments": ("{ hello(%s) }", "{w}: 1"),
    "arguments of a search": ("{ search(%s) }", "{w}: 1"),
    "fields of an input": ("{ search(matching: {%s}) }", "{w}: 1"),
    "values of an enum": ("{ search(on: [%s]) }", "{w}"),
    "directives": ("{ hello %s }", "@{w}"),
}
UNKNOWN = re.compile(
    r"(?:Cannot query field|Unknown argument|Unknown type|Unknown directive|Field|Value) '@?(\w+)'"
    r" (?:on|is not|does not)|Unknown (?:type|directive) '@?(\w+)'"
)
SUGGESTED = re.compile(r"'(\w+)'")
# What anybody may see of the shop.
PUBLIC = {"hello", "items", "found", "search", "Book", "Safe", "pages", "rings", "OPEN", "text"}


def words() -> list[str]:
    """Return all names of the shop, and misspellings that suggestions would mend."""
    names = {*re.findall(r"[A-Za-z]\w+", vault().as_str()), *SECRETS}
    return sorted(names | {name[:-1] for name in names})


def found_in(messages: list[str], asked: list[str]) -> Iterator[str]:
    """Yield the names that a caller learns from the errors about the words that it has asked for."""
    unknown = {name for message in messages for pair in UNKNOWN.findall(message) for name in pair}
    if unknown:
        # Otherwise the errors are about the place, and say nothing of any word.
        yield from (word for word in asked if word not in unknown)
    for message in messages:
        yield from SUGGESTED.findall(message.partition("Did you mean")[2])


async def guessed(server: ToyServer, place: str, token: str | None) -> set[str]:
    """Return the names that a caller finds at one place."""
    document, written = PLACES[place]
    found: set[str] = set()
    guesses = words()
    for at in range(0, len(guesses), AT_ONCE):
        asked = guesses[at : at + AT_ONCE]
        given = " ".join(written.format(w=word, n=number) for number, word in enumerate(asked))
        answer: dict[str, Any] = await first("http", server.url, document % given, token)
        found |= {*found_in([each["message"] for each in answer.get("errors", ())], asked)}
    return found


@pytest.mark.parametrize("token", [None, "alice"])
async def test_one_who_guesses_names_finds_what_is_public_and_nothing_that_is_hidden(
    token: str | None, clock: MovedClock
) -> None:
    async with toy_server(clock, vault(), introspection="hidden") as server:
        found = {place: await guessed(server, place, token) for place in PLACES}
    assert set.union(*found.values()) >= PUBLIC
    told = {place: names & SECRETS for place, names in found.items()}
    assert {place: names for place, names in told.items() if names} == {}


async def test_where_everything_is_shown_the_same_guesses_find_the_vault(
    clock: MovedClock,
) -> None:
    async with toy_server(clock, vault(), introspection="shown") as server:
        found = {place: await guessed(server, place, None) for place in PLACES}
    assert {place for place, names in found.items() if names & SECRETS} >= {
        *("fields of a query", "fields of a type", "types", "arguments", "values of an enum"),
        *("fields of a mutation", "fields of a subscription", "fields of an input"),
    }
