"""Rules that are asked together find the errors that graphql-core finds by asking each one."""

from __future__ import annotations

import gc
import random
from typing import Any

import pytest
from graphql import (
    BREAK,
    SKIP,
    ASTValidationRule,
    GraphQLError,
    GraphQLSyntaxError,
    Node,
    build_schema,
    parse,
    specified_rules,
    validate,
)

from watchword.execution.validation import OUR_RULES, RULES
from watchword.libraries import graphql_rules
from watchword.libraries.graphql_rules import Rules

SCHEMA = build_schema(
    """
    directive @once on FIELD
    directive @often repeatable on FIELD | QUERY
    interface Named { name: String! }
    type Cat implements Named { name: String!, lives(left: Int = 9): Int, friends(first: Int!): [Cat!] }
    type Dog implements Named { name: String!, barks: Boolean, mood: Mood }
    union Pet = Cat | Dog
    enum Mood { HAPPY SAD }
    input Wanted @oneOf { name: String, number: Int }
    input Range { from: Int!, to: Int = 9 }
    type Query { pets(range: Range, moods: [Mood!]): [Pet!]!, pet(wanted: Wanted): Pet, named: Named, cat: Cat }
    type Mutation { feed(name: String!): Cat }
    type Subscription { fed: Cat, slept: Cat }
    """
)
DOCUMENTS = [
    "{ pets { ...C } named { name ...C } } fragment C on Cat { name lives friends(first: 3) { name } }",
    "query A($n: Int!) { cat { friends(first: $n) { lives @once } } } query B { named { name } }",
    "query A($n: Int, $u: Int, $n: Int) { cat { friends(first: $n) { name } } cat { friends(first: 3) { lives } } }",
    '{ cat(x: 1) { nmae lives(left: "a") { x } friends } dog pet(wanted: {name: "a", number: 1}) { name } }',
    "{ ...A } fragment A on Query { ...B } fragment B on Query { ...A } fragment C on Mood { x } fragment C on No { x }",
    "query Q { cat { name @once @once @gone @skip } } query Q { cat } mutation @once { feed(name: 3, name: 4) { name } }",
    "subscription S { fed { name } slept { name } } { cat { ... on Dog { name } ... on Pet { __typename } } }",
    "query A($a: [Mood!] = [HAPPY, 3], $b: Wanted = {}, $c: Cat) { pets(moods: $a, range: {to: 1, to: 2, up: 3}) { x } }",
    "query A($m: Mood) { pets(moods: [$m, GLAD]) { ... @include(if: $m) { ... on Cat { a: name a: lives } } } }",
    "type Extra { a: Int } query { cat { name } } { pet(wanted: {name: null}) { ... on Dog { mood: barks mood } } }",
    "{ named { ...D ...D } } fragment D on Dog { barks } fragment E on Cat { ...F } fragment F on Cat { name }",
    "{ a: cat { friends(first: 99999999999) { name } } a: named { name } pets(range: {from: null}) { __typename } }",
    "query ($a: Int!) { ...Gone cat { friends(first: $no) { name } } }",
    "{ " + " ".join(f"unknown{number}" for number in range(120)) + " }",
]  # fmt: skip


MOST = 100


def found(document: str, rules: Any) -> list[tuple[str, Any]]:
    """Return the errors that graphql-core finds by asking each rule."""
    return shown(validate(SCHEMA, parse(document), rules, MOST))


def found_together(document: str, *rules: Any) -> list[tuple[str, Any]]:
    """Return the errors that are found by asking rules together, in groups."""
    asked = [Rules(each).as_rule for each in rules]
    return shown(graphql_rules.validate(SCHEMA, parse(document), asked, MOST, False))


def shown(errors: list[GraphQLError]) -> list[tuple[str, Any]]:
    aborted = [each for each in errors if "aborted" in each.message]
    assert all(each.__traceback__ is each.__context__ is None for each in aborted)
    return [(error.message, error.locations) for error in errors]


def cut(document: str, seed: int) -> str | None:
    """Return the document without some of its words; None if it cannot be parsed."""
    chance = random.Random(seed)
    words = document.split(" ")
    for _ in range(chance.randint(1, 3)):
        words.pop(chance.randrange(len(words)))
    shorter = " ".join(words)
    try:
        parse(shorter)
    except GraphQLSyntaxError:
        return None
    return shorter


@pytest.mark.parametrize("document", DOCUMENTS)
def test_the_errors_are_those_of_each_rule_alone_in_the_same_order(document: str) -> None:
    expected = found(document, RULES)
    assert found_together(document, RULES) == expected
    assert found_together(document, specified_rules, OUR_RULES) == expected


def test_the_documents_have_errors_of_nearly_all_rules() -> None:
    silent = [
        rule.__name__
        for rule in RULES
        if not any(found(document, [rule]) for document in DOCUMENTS)
    ]
    assert set(silent) <= {
        "ExecutableDefinitionsRule",
        "KnownOperationTypesRule",
        "DeferStreamDirectiveLabel",
        "DeferStreamDirectiveOnRootField",
        "DeferStreamDirectiveOnValidOperationsRule",
        "StreamDirectiveOnListField",
        "MaxIntrospectionDepthRule",
        "MaybeNullValidationRule",
        "OneOfInputValidationRule",
        "ExactNumbers",
    }


def test_documents_of_which_words_are_missing_have_the_same_errors() -> None:
    shorter = [cut(document, seed) for document in DOCUMENTS for seed in range(40)]
    documents = [each for each in shorter if each is not None]
    assert len(documents) > 50
    for document in documents:
        assert found_together(document, RULES) == found(document, RULES)


class Acting(ASTValidationRule):
    """Notes the nodes that it sees, and does something at one kind of them."""

    action: Any = None
    at = "field"
    moment = "enter"

    def enter(self, node: Node, *_: Any) -> Any:
        self.report_error(GraphQLError(f"{type(self).__name__} enters {node.kind}"))
        return self.action if (self.moment, node.kind) == ("enter", self.at) else None

    def leave(self, node: Node, *_: Any) -> Any:
        self.report_error(GraphQLError(f"{type(self).__name__} leaves {node.kind}"))
        return self.action if (self.moment, node.kind) == ("leave", self.at) else None


class EnteringOnly(ASTValidationRule):
    """Skips fields, and has no method for leaving them."""

    def enter_field(self, node: Any, *_: Any) -> Any:
        self.report_error(GraphQLError(f"a field {node.name.value}"))
        return SKIP


@pytest.mark.parametrize("moment", ["enter", "leave"])
@pytest.mark.parametrize("action", [None, SKIP, False, BREAK, True])
def test_a_rule_that_skips_or_breaks_is_asked_no_more_and_the_others_are(
    action: Any, moment: str
) -> None:
    acting = type("Acting", (Acting,), {"action": action, "moment": moment})
    other = type("Other", (Acting,), {})
    rules = [acting, EnteringOnly, other]
    document = "{ cat { name lives } named { name } }"
    expected = found(document, rules)
    assert found_together(document, rules) == expected
    assert found_together(document, rules[:1], rules[1:]) == expected
    assert found_together(document, rules[:1]) == found(document, rules[:1])


def test_fragments_in_too_many_fragments_abort_the_validation() -> None:
    many = 1_000
    fragments = " ".join(
        f"fragment F{number} on Cat {{ ...F{number + 1} }}" for number in range(many)
    )
    document = f"{{ cat {{ ...F0 }} }} {fragments} fragment F{many} on Cat {{ name }}"
    expected = found(document, RULES)
    assert ("Validation aborted.", None) in expected
    assert found_together(document, RULES) == expected


def test_nothing_of_a_validation_is_left_to_be_collected() -> None:
    document = parse("{ cat { name } } fragment F on Cat { name }")
    rules = [Rules(each).as_rule for each in ([Acting], [EnteringOnly])]
    for asked in (rules[:1], rules):
        gc.collect()
        gc.disable()
        try:
            assert graphql_rules.validate(SCHEMA, document, asked, MOST, False)
            assert gc.collect() == 0
        finally:
            gc.enable()
