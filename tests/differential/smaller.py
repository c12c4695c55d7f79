"""Makes a document in which the executors differ as small as it can be made."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentSpreadNode,
    InlineFragmentNode,
    Node,
    parse,
    print_ast,
    visit,
)
from graphql.language import REMOVE, Visitor

from tests.differential.arena import Case

MOST_TRIES = 400


def smallest(case: Case, fails: Callable[[Case], bool]) -> Case:
    """Return the smallest case that still fails, after removing parts of the document one by one."""
    tries = 0
    found = True
    while found:
        found = False
        for smaller in _smaller(case):
            tries += 1
            if tries > MOST_TRIES:
                return case
            if fails(smaller):
                case, found = smaller, True
                break
    return case


def _smaller(case: Case) -> Iterator[Case]:
    if case.script.hasty:
        yield replace(case, script=replace(case.script, hasty=False))
    for quieter in ({"faults": 0}, {"slow": 0}):
        changed = replace(case.script, **quieter)
        if changed != case.script:
            yield replace(case, script=changed)
    document = parse(case.query)
    for target in _parts(document):
        text = print_ast(visit(document, _Remover(target)))
        yield replace(case, query=text)


def _parts(document: DocumentNode) -> list[Node]:
    """Return the parts that can be removed, the largest first."""
    found: list[Node] = [*document.definitions[1:]]

    class Collector(Visitor):
        def enter(self, node: Node, *_: object) -> None:
            if isinstance(node, FieldNode | InlineFragmentNode | FragmentSpreadNode):
                found.append(node)
                found.extend(node.directives or ())
            if isinstance(node, FieldNode):
                found.extend(node.arguments or ())

    visit(document, Collector())
    found.extend(getattr(document.definitions[0], "variable_definitions", None) or ())
    return sorted(found, key=lambda node: -_length(node))


def _length(node: Node) -> int:
    return node.loc.end - node.loc.start if node.loc else 0


class _Remover(Visitor):
    def __init__(self, target: Node) -> None:
        super().__init__()
        self._target = target

    def enter(self, node: Node, *_: object) -> object:
        return REMOVE if node is self._target else None
