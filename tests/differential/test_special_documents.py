"""Documents and moments that random ones hardly contain have the same answers with both executors."""

from __future__ import annotations

import asyncio
import keyword
from collections.abc import Iterator
from dataclasses import replace
from traceback import walk_tb

import pytest

from tests.differential import market, outcomes, workshop
from tests.differential.arena import EXECUTORS, Arena, Case, observed
from tests.differential.profile import IGNORED, arena_of, profile
from tests.differential.stage import Script, stage
from watchword.libraries.strawberry_parts import definition

pytestmark = IGNORED

WORDS = (
    "X",
    "N",
    "p",
    "q1",
    "self",
    "source",
    "run",
    "data",
    "info",
    "errors",
    "exec",
    "o1",
    "l1",
    "i",
)
NESTED = "link { " + "next { value " * 25 + "late" + " }" * 26
WIDE = "leaves { " + " ".join(f"a{number}: int" for number in range(900)) + " }"
BUSHY = "being { ...F0 } } " + " ".join(
    f"fragment F{number} on Being {{ a: friend {{ ...F{number + 1} }} b: friend {{ ...F{number + 1} }} }}"
    for number in range(9)
)
DOCUMENTS = {
    "names of Python": "{ leaves { "
    + " ".join(f"{word}: int" for word in (*keyword.kwlist, *WORDS))
    + " } }",
    "names that begin with underscores": "{ leaves { _: int __class__: int _a: flag __: text } }",
    "deep": "{ " + NESTED + " }",
    "wide": "{ " + WIDE + " }",
    "bushy": "{ " + BUSHY + " fragment F9 on Being { key friends { name } }",
    "a field of the schema beside others": "{ __schema { queryType { name } } being { name } __typename }",
    "types that are met late": "{ beings(first: 5) { name ... on Dog { bark } ... on Cat { lives } ... on Person { age } } }",
    "an empty selection": "{ being { ... on Person @skip(if: true) { name } } }",
    "one field many times": "{ being { name name n: name ... { name } ... on Being { name } friend { key } friend { name } } }",
    "directives on the operation's fields": "{ a: being @skip(if: true) { name } b: being @include(if: false) { name } }",
    "what info says": "query Named($i: Int = 3) { about { ...F operation again { selected path } } about { operation again { selected } list { path names variables } } echo { plain(i: $i) } } fragment F on About { operation selected names }",
    "numbers and blocks": '{ echo { plain(i: 2147483647, f: 1, s: """block\n  text""", b: true) } }',
    "null for a variable": "query ($c: Colour = RED) { echo { plain(f: null, s: null) enums(colours: [$c, null]) } }",
}
SCRIPTS = (Script(), Script(7, 0, 255), Script(8, 40, 60), Script(9, 200, 100, True))


@pytest.fixture(scope="module")
def arena() -> Iterator[Arena]:
    with arena_of(market.schema, is_usual=False) as made:
        yield made


@pytest.fixture(scope="module")
def other() -> Iterator[Arena]:
    with arena_of(workshop.schema) as made:
        yield made


@pytest.mark.parametrize("name", DOCUMENTS)
def test_a_special_document_has_the_same_answers(arena: Arena, name: str) -> None:
    assert arena.is_valid(DOCUMENTS[name])
    for script in SCRIPTS:
        arena.compare(Case(DOCUMENTS[name], {}, script=script))


# Each kind of type, with each thing that a resolver may do but return a proper value.
KINDS = {
    "Leaves": "leaves",
    "Link": "link",
    "Person": "person",
    "Product": "products { edges { node",
}
BELOW = {
    "Link": (
        "value",
        "late",
        *(f"{name} {{ value }}" for name in ("next", "soon", "perhaps", "all", "some", "table")),
    ),
    "Person": (
        "name",
        "nick",
        "friend { key }",
        "friends { key }",
        "age",
        "pets { __typename }",
        "email",
    ),
    "Product": ("title",),
}


@pytest.mark.parametrize("kind", KINDS)
def test_every_fault_of_every_field_has_the_same_answers(arena: Arena, kind: str) -> None:
    above = KINDS[kind]
    fields = BELOW.get(kind) or definition(arena.schema).type_map[kind].fields
    ends = " }" * (above.count("{") + 1)
    roots = (f"a{number}: {above} {{ {field}{ends}" for number, field in enumerate(fields))
    query = f"{{ {' '.join(roots)} }}"
    assert arena.is_valid(query)
    for fault in range(outcomes.KINDS):
        arena.compare(Case(query, {}, script=Script(fault, at=kind, fault=fault)))
        if profile() != "quick":
            arena.compare(Case(query, {}, script=Script(fault, slow=120, at=kind, fault=fault)))


def test_a_fault_in_several_places_has_the_same_answers(arena: Arena) -> None:
    """A resolver may raise or return an error that has a traceback from another place."""
    query = "{ beings(first: 5) { friend { key } } more: beings { friend { key } nick } }"
    assert arena.is_valid(query)
    for fault in range(outcomes.KINDS):
        arena.compare(Case(query, {}, script=Script(fault, at="Person", fault=fault)))


def test_every_fault_of_a_mutation_has_the_same_answers(other: Arena) -> None:
    for query in (
        "mutation { make(number: 1) { number } say make_slowly { number } }",
        "mutation { first: make(number: 1) { parts { twin { number } } } say }",
    ):
        for place in ("make", "say", "make_slowly", "twin"):
            for fault in range(outcomes.KINDS):
                script = Script(fault, slow=120, at=place, fault=fault)
                other.compare(Case(query, {}, "buyer", script=script))
                other.compare(Case(query, {}, "buyer", script=replace(script, slow=0)))


@pytest.mark.parametrize(
    "document", ["{ part { cost price } }", "{ all_parts { cost grown parts { cost price } } }"]
)
@pytest.mark.parametrize("caller", ["anonymous", "child", "keeper"])
def test_a_denial_below_what_another_makes_null_has_the_same_answers(
    other: Arena, document: str, caller: str
) -> None:
    for script in SCRIPTS:
        other.compare(Case(document, {}, caller, script=script))


def test_an_error_that_is_raised_in_every_execution_keeps_the_frames_of_the_last_one(
    arena: Arena,
) -> None:
    first, again = [_entries_after_each_fault(arena) for _ in range(2)]
    assert first == again
    assert any(first)


def _entries_after_each_fault(arena: Arena) -> list[int]:
    """Return how many entries the tracebacks of the shared errors have after an execution with each fault."""
    query = "{ beings(first: 5) { friend { key } nick } }"
    found = []
    for fault in range(outcomes.KINDS):
        arena.compare(Case(query, {}, script=Script(fault, at="Person", fault=fault)))
        found.append(sum(len([*walk_tb(error.__traceback__)]) for error in outcomes.SHARED))
    return found


def test_every_choice_of_many_conditions_has_the_same_answers(arena: Arena) -> None:
    names = [f"v{number}" for number in range(5)]
    fields = " ".join(f"a{name}: name @skip(if: ${name})" for name in names)
    declared = ", ".join(f"${name}: Boolean! = false" for name in names)
    query = f"query ({declared}) {{ being {{ key {fields} }} }}"
    for number in range(2 ** len(names)):
        variables = {name: bool(number >> bit & 1) for bit, name in enumerate(names)}
        arena.compare(Case(query, variables))


def test_a_subscription_that_reads_identities_is_not_shared(other: Arena) -> None:
    query = "subscription { mine { number } }"
    other.compare_events(Case(query, {}, "buyer"), shared=False)
    assert "IdentityAsked" in other.compare_events(Case(query, {}, "buyer"), shared=True).answer


@pytest.mark.parametrize("steps", range(1, 12, 3))
def test_a_client_that_leaves_cancels_the_same_work(arena: Arena, steps: int) -> None:
    query = "{ beings { name friends { nick ... on Dog { owner { name } } } } links { late all { soon { late } } } }"
    case = Case(query, {}, script=Script(3, 20, 150, True))
    left, right = (arena.runner.run(_cancelled(arena, each, case, steps)) for each in EXECUTORS)
    assert left == right


async def _cancelled(arena: Arena, execution: object, case: Case, steps: int) -> object:
    stage.begin(case.script)
    running = asyncio.ensure_future(arena._run(execution, case))  # type: ignore[arg-type]
    for _ in range(steps):
        await asyncio.sleep(0)
    running.cancel()
    [result] = await asyncio.gather(running, return_exceptions=True)
    await stage.drained()
    return repr(type(result)), observed([])
