"""No bytes that leave hold a secret of a field that their caller may not read.

Each guarded field of a large schema has a mark in its value. Random documents are asked as every role, by every door, and
everything that comes back is searched for the marks of fields that the role's rules do not allow.
"""

from __future__ import annotations

import logging
import re
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from random import Random
from typing import Any

import hypothesis_graphql
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.differential.documents import Writer
from tests.differential.profile import IGNORED, profile
from tests.secrets import marked
from tests.secrets.doors import Doors, Request
from tests.secrets.rules import ROLES
from watchword import Grants
from watchword.libraries.strawberry_parts import definition

# The server runs in a thread beside the test, and draws random numbers while hypothesis makes a document.
pytestmark = [
    *IGNORED,
    pytest.mark.filterwarnings("ignore:Do not use the `random` module inside strategies"),
]

DOCUMENTS = {"quick": 100, "thorough": 5_000, "soak": 100_000}
# The documents of a profile are asked in these tests, which run beside each other.
PARTS = [*(("partial", number) for number in range(4)), ("reject", 4)]
MARK = re.compile(rb"5ecret(\d{5})")
SCHEMA = definition(marked.schema)


@dataclass
class Search:
    """The callers of a server, and what they were seen to get: marks by caller, and requests by door."""

    callers: dict[str, tuple[Grants | None, Doors]] = field(default_factory=dict)
    seen: Counter[str] = field(default_factory=Counter)
    asked: Counter[str] = field(default_factory=Counter)

    def ask(self, request: Request, turn: int) -> None:
        """Ask as every caller, each by another door; the doors take turns from document to document."""
        for number, (name, (grants, doors)) in enumerate(self.callers.items()):
            door = Doors.names[(turn + number) % len(Doors.names)]
            self.asked[door] += 1
            self.look(name, grants, doors.ask(door, request), request["query"])

    def look(self, name: str, grants: Grants | None, came: bytes, document: str) -> None:
        """Fail if a mark came that is not for this caller."""
        found = {int(number) for number in MARK.findall(came)}
        leaked = marked.marks.leaked(found, grants)
        assert not leaked, f"{name} got {leaked} by {document}"
        self.seen[name] += len(found)


@pytest.fixture(scope="session")
def watchword_app() -> object:
    return "tests.secrets.marked:schema"


@pytest.fixture
def refusals(request: pytest.FixtureRequest) -> str:
    return getattr(request, "param", "partial")


@pytest.fixture
def watchword_settings(refusals: str) -> dict[str, Any]:
    return {"refusals": refusals, "max_aliases": 1_000, "max_cost": 10_000_000}


@pytest.fixture
def search(watchword: Any, caplog: pytest.LogCaptureFixture) -> Iterator[Search]:
    # Some resolvers fail, which the server logs each time.
    caplog.set_level(logging.CRITICAL, "watchword.execution")
    people = {role: (frozenset({role}), scopes) for role, scopes in ROLES.items()}
    people["everybody"] = frozenset(ROLES), ROLES["admin"]
    people["everybody, to read"] = frozenset(ROLES), frozenset({"s:read"})
    with ExitStack() as held:
        made = Search({"nobody": (None, Doors(watchword.url, "", held))})
        for name, (roles, scopes) in people.items():
            caller = watchword.sync.as_user(roles=roles, scopes=scopes)
            doors = Doors(watchword.url, caller.token, held)
            made.callers[name] = Grants(roles=roles, scopes=scopes), doors
        yield made


def documents(share: float) -> settings:
    return settings(
        max_examples=max(2, round(DOCUMENTS[profile()] * share)),
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )


def written(seed: int, kinds: tuple[str, ...] = ("query", "mutation")) -> Request:
    """Return a request with a random document of our own, which has more fields than those of hypothesis-graphql."""
    dice = Random(seed)
    made = Writer(SCHEMA, dice, 30).write(dice.choice(kinds))
    return {"query": made.text, "variables": made.draw(dice), "operationName": "Operation"}


SEEDS = st.integers(0, 2**64 - 1)
STOCK = hypothesis_graphql.from_schema(SCHEMA)


@pytest.mark.parametrize(("refusals", "part"), PARTS, indirect=["refusals"])
def test_no_answer_has_a_secret_that_is_not_for_its_caller(
    search: Search, refusals: str, part: int
) -> None:
    @documents(1 / len(PARTS))
    @given(document=STOCK, seed=SEEDS)
    def ask(document: str, seed: int) -> None:
        search.ask({"query": document, "variables": {}}, seed)
        if seed % 4 == 0:
            search.ask(written(seed), seed + 1)

    ask()
    assert min(search.asked[door] for door in Doors.names) > 0
    assert search.seen["nobody"] == 0
    # Whole operations are refused that select one field too much, and these select many.
    assert refusals == "reject" or 0 < search.seen["reader"] < search.seen["everybody"]


@documents(0.1)
@given(seed=SEEDS)
def test_no_event_has_a_secret_that_is_not_for_its_subscriber(search: Search, seed: int) -> None:
    search.ask(written(seed, ("subscription",)), seed)


def test_the_search_finds_a_secret_that_leaks(search: Search) -> None:
    number = next(
        number
        for number, (_, rules) in enumerate(marked.marks.rules)
        if not all(rule.allows(None) for rule in rules)
    )
    with pytest.raises(AssertionError, match="nobody got"):
        search.look("nobody", None, b'{"data":"<5ecret%05d>"}' % number, "{ leak }")
