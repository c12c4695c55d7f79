"""No bytes that leave hold a secret of a field that their caller may not read.

Each guarded field of a large schema has a mark in its value. Random documents are asked as every role, each by a door that is
drawn for it, and everything that comes back is searched for the marks of what the role's rules do not allow.
"""

from __future__ import annotations

import logging
import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
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
from tests.secrets import marked, ways
from tests.secrets.doors import Doors, Request
from tests.secrets.rules import ROLES, marks
from watchword import Grants
from watchword.libraries.strawberry_parts import definition
from watchword.permissions.rules import RoleRule, Rule, ScopeRule

# The server runs in a thread beside the test, and draws random numbers while hypothesis makes a document.
pytestmark = [
    *IGNORED,
    pytest.mark.filterwarnings("ignore:Do not use the `random` module inside strategies"),
]

DOCUMENTS = {"quick": 60, "thorough": 5_000, "soak": 100_000}
# The documents of a profile are asked in these tests, which run beside each other: with a value of the setting `refusals`,
# and one of `introspection`.
PARTS = [
    ("partial", "shown"),
    ("partial", "shown"),
    ("each", "shown"),
    ("reject", "shown"),
    ("partial", "hidden"),
    ("partial", "hidden"),
]
MARK = re.compile(rb"5ecret(\d{5})")
# An answer, a part of one, or the events of a subscription.
ANSWER = re.compile(rb'"(data|errors)":|"type":"(next|error)"')
SCHEMA = definition(marked.schema)


@dataclass
class Search:
    """The callers of a server, and what they were seen to get.

    `seen` counts marks by caller, `asked` requests by caller and door, and `answered` answers by caller.
    """

    callers: dict[str, tuple[Grants | None, Doors]] = field(default_factory=dict)
    seen: Counter[str] = field(default_factory=Counter)
    asked: Counter[tuple[str, str]] = field(default_factory=Counter)
    answered: Counter[str] = field(default_factory=Counter)
    documents: int = 0
    _left: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))

    def ask(
        self, request: Request, dice: Random, among: Sequence[str] = Doors.names
    ) -> dict[str, bytes]:
        """Ask as every caller, each by a door that is drawn for it; return what each got."""
        self.documents += 1
        came = {}
        for name, (grants, doors) in self.callers.items():
            door = self._drawn(name, request, dice, among)
            came[name] = doors.ask(door, request)
            self.asked[name, door] += 1
            self.answered[name] += bool(ANSWER.search(came[name]))
            self.look(name, grants, came[name], request["query"])
        return came

    def _drawn(self, name: str, request: Request, dice: Random, among: Sequence[str]) -> str:
        """Return a random door, one that the caller has not used while there are such."""
        for _ in range(2):
            for door in self._left[name]:
                if door in among and Doors.takes(door, request):
                    self._left[name].remove(door)
                    return door
            self._left[name] += dice.sample(Doors.names, len(Doors.names))
        raise AssertionError(f"no door takes {request}")

    def look(self, name: str, grants: Grants | None, came: bytes, document: str) -> None:
        """Fail if a mark came that is not for this caller."""
        found = {int(number) for number in MARK.findall(came)}
        leaked = marks.leaked(found, grants)
        assert not leaked, f"{name} got {leaked} by {document}"
        self.seen[name] += len(found)

    def check_answers(self) -> None:
        """Fail unless every caller got an answer to every document."""
        assert self.answered == dict.fromkeys(self.callers, self.documents)


@pytest.fixture(scope="session")
def watchword_app() -> object:
    return "tests.secrets.marked:schema"


@pytest.fixture
def mode(request: pytest.FixtureRequest) -> tuple[str, str]:
    return getattr(request, "param", ("partial", "shown"))


@pytest.fixture
def watchword_settings(mode: tuple[str, str]) -> dict[str, Any]:
    refusals, introspection = mode
    return {
        "refusals": refusals,
        "introspection": introspection,
        "max_aliases": 1_000,
        "max_cost": 10_000_000,
    }


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


def number(share: float) -> int:
    """Return how many documents are this share of the profile's."""
    return max(2, round(DOCUMENTS[profile()] * share))


def documents(share: float) -> settings:
    return settings(
        max_examples=number(share),
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


def request_of(document: str) -> Request:
    return {"query": document, "variables": {}}


@pytest.mark.parametrize("mode", PARTS, indirect=True)
def test_no_answer_has_a_secret_that_is_not_for_its_caller(
    search: Search, mode: tuple[str, str]
) -> None:
    @documents(1 / len(PARTS))
    @given(document=STOCK, seed=SEEDS)
    def ask(document: str, seed: int) -> None:
        dice = Random(seed)
        search.ask(request_of(document), dice)
        if seed % 4 == 0:
            search.ask(written(seed), dice)

    ask()
    assert search.documents >= number(1 / len(PARTS))
    dice = Random(marked.SEED)
    for document in ways.DOCUMENTS:
        came = search.ask(request_of(document), dice)
        assert MARK.search(came["everybody"]), document
    # The first documents were long. The short ones go by GET.
    while not all(search.asked[name, door] for name in search.callers for door in Doors.names):
        search.ask(request_of(ways.DOCUMENTS[0]), dice)
    search.check_answers()
    assert search.seen["nobody"] == 0
    assert 0 < search.seen["reader"] < search.seen["everybody"]


def test_no_part_of_an_answer_has_a_secret_that_is_not_for_its_caller(search: Search) -> None:
    for _ in range(2):
        came = search.ask(request_of(ways.DEFERRED), Random(0), ["multipart"])
        assert b'"pending":' in came["everybody"]
        assert MARK.search(came["everybody"])
    search.check_answers()


def test_no_answer_that_is_kept_for_others_has_a_secret_that_is_not_for_its_caller(
    search: Search, watchword: Any
) -> None:
    # Nothing is kept before the server has looked at the log.
    app = watchword.sync
    app._host.call(app._service._pipeline.services.hub.look())
    dice = Random(marked.SEED)
    ran = ways.runs["kept"]
    for _ in range(6):
        came = search.ask(request_of(ways.KEPT_QUERY), dice)
        assert MARK.search(came["everybody"])
        assert not MARK.search(came["reader"])
    search.check_answers()
    # Answers with denials are made for each, and those without for the first of a kind.
    assert ways.runs["kept"] - ran < sum(search.asked.values())


def test_no_event_has_a_secret_that_is_not_for_its_subscriber(search: Search) -> None:
    @documents(0.1)
    @given(seed=SEEDS)
    def ask(seed: int) -> None:
        search.ask(written(seed, ("subscription",)), Random(seed), Doors.streaming)

    ask()
    dice = Random(marked.SEED)
    for name in list(marked.subscriptions)[:6]:
        came = search.ask(
            request_of(f"subscription {{ {name} {{ label }} }}"), dice, Doors.streaming
        )
        # Each subscription has two events.
        assert came["everybody"].count(name.encode() + b'":') >= 2
    search.check_answers()
    assert search.seen["nobody"] == 0
    assert 0 < search.seen["reader"] <= search.seen["everybody"]


def test_the_search_finds_a_secret_that_leaks(search: Search) -> None:
    number = next(
        number
        for number, (_, rules) in enumerate(marks.rules)
        if not all(rule.allows(None) for rule in rules)
    )
    with pytest.raises(AssertionError, match="nobody got"):
        search.look("nobody", None, b'{"data":"<5ecret%05d>"}' % number, "{ leak }")


@pytest.mark.parametrize("rule", [RoleRule, ScopeRule])
def test_the_search_finds_what_a_server_leaks_whose_rule_lets_everybody_in(
    rule: type[Rule], search: Search, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server itself is broken here, and is asked as in the tests above."""
    monkeypatch.setattr(rule, "holds", lambda _rule, _question: True)
    dice = Random(marked.SEED)
    with pytest.raises(AssertionError, match=r"\bgot\b"):
        for seed in range(200):
            search.ask(written(seed), dice)
