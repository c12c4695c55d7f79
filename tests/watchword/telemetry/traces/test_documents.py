"""The text of a document without the values that a client wrote into it."""

from __future__ import annotations

from graphql import parse, print_ast

from watchword.telemetry.traces.documents import LONGEST, shown


def test_literals_are_hidden_and_everything_else_stays() -> None:
    document = parse(
        'query Q($a: [Int] = [1, 2], $b: In = {c: "secret"}) @d(e: 1.5) '
        '{ f(a: $a, g: ["secret", 3], h: {i: """secret"""}, j: OPEN, k: true, l: null) ...F }'
        " fragment F on T { m(n: -7) @skip(if: $b) }"
    )
    before = print_ast(document)
    text = shown(document)
    assert print_ast(document) == before
    assert text == (
        "query Q($a: [Int] = [?, ?], $b: In = { c: ? }) @d(e: ?) {\n"
        "  f(a: $a, g: [?, ?], h: { i: ? }, j: OPEN, k: true, l: null)\n  ...F\n}\n\n"
        "fragment F on T {\n  m(n: ?) @skip(if: $b)\n}"
    )


def test_a_long_document_is_cut() -> None:
    fields = " ".join(f"field{number}" for number in range(5_000))
    assert len(shown(parse(f"{{ {fields} }}"))) == LONGEST
