"""Measures what a document asks for, before anything is run, and asks whether that is too much (`throttling/ceiling.py`).

The limits are those of `config/limits.py`. What they are compared with is measured in `size.py` and `cost/`.
Introspection has a depth limit of its own, so that tools can read the schema whatever the limit for other fields is.
"""

from __future__ import annotations

import logging
import re
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from math import ceil

from graphql import DocumentNode, GraphQLError, GraphQLSchema, OperationDefinitionNode, parse

from watchword.config import limits as table
from watchword.config.settings import Settings
from watchword.errors import BadUserInput, TooComplex, WatchwordError
from watchword.execution.cost.formula import Number
from watchword.execution.size import Size, directives_of, size_of
from watchword.throttling.ceiling import refusal

log = logging.getLogger("watchword.execution")

_MEASURABLE = frozenset(each.name for each in table.measurable())
# While limits are only measured, so many times a limit is refused all the same.
SAFETY = 10
# Python refuses to read a number with so many digits, and its message is not meant for clients.
_HUGE_NUMBER = re.compile(rf"\d{{{table.fixed('digits')},}}")
# How graphql-core begins to say that a document has more tokens or comments than it may have.
_TOO_MANY = "Document contains more than"


class Oversized(Exception):
    """The text of a document is larger than may be parsed; `why` says in which way."""

    def __init__(self, why: WatchwordError) -> None:
        super().__init__(why.message)
        self.why = why


@dataclass(frozen=True, slots=True)
class Limits:
    """The most that one document may ask for, by the names of the table.

    If the limits are not `enforced`, those that can be measured are counted in `exceeded` and logged, and refuse only
    what is ten times larger.
    """

    tokens: int
    depth: int
    aliases: int
    cost: int
    directives: int = 50
    root_fields: int = 30
    # What validation may compare of fields that have one name, which is its most expensive part.
    comparisons: int = 20_000
    # A live subscription keeps its document in memory, comments included.
    characters: int = 50_000
    # graphql-js's getIntrospectionQuery, which GraphiQL and code generators send, is 15 deep; validation
    # refuses lists of fields within lists of fields.
    introspection: int = table.fixed("introspection")
    enforced: bool = True
    exceeded: Counter[str] = field(default_factory=Counter, compare=False)
    """How many documents and operations were beyond a limit, by its name."""

    @classmethod
    def of(cls, settings: Settings) -> Limits:
        """Return the limits that are set."""
        return cls(
            settings.max_tokens,
            settings.max_depth,
            settings.max_aliases,
            settings.max_cost,
            settings.max_directives,
            settings.max_root_fields,
            settings.max_tokens * table.COMPARISONS_PER_TOKEN,
            characters=settings.max_document_characters,
            enforced=settings.limits == "enforce",
        )

    def check(self, name: str, found: Number, subject: str = "operation") -> None:
        """Raise `TooComplex` if the subject has more of what is limited by this name than it may have."""
        limit: int = getattr(self, name)
        if found <= limit:
            return
        self.exceeded[name] += 1
        if not self.enforced and name in _MEASURABLE and found <= limit * SAFETY:
            self._log(name, ceil(found), subject)
            return
        raise refusal(name, found, limit, subject)

    def _log(self, name: str, found: int, subject: str) -> None:
        """Log what is beyond a limit: the first time, the second, the fourth, the eighth and so on."""
        times = self.exceeded[name]
        if times.bit_count() == 1:
            limit = getattr(self, name)
            said = "one %s exceeds %s: %d, and %d is the limit (exceeded %d times)"
            log.warning(said, subject, name, found, limit, times)


def check_text(query: str, limits: Limits) -> None:
    """Raise `Oversized` if a document must not be parsed."""
    with _oversized():
        limits.check("characters", len(query))
        if _HUGE_NUMBER.search(query):
            raise BadUserInput("A number in the document has too many digits.")


def parsed(query: str, limits: Limits) -> DocumentNode:
    """Parse a document. Raises `Oversized`, and `GraphQLError` if it is no document."""
    check_text(query, limits)
    most = limits.tokens
    try:
        return parse(query, max_lexical_tokens=most, max_comments=most)
    except GraphQLError as error:
        if _TOO_MANY not in error.message:
            raise
    with _oversized():
        # The parser stops at the first one too many.
        limits.check("tokens", most + 1)
    raise AssertionError("there is one too many")


def check_directives(document: DocumentNode, limits: Limits) -> int:
    """Return how many directives a document has, which need not be valid. Raises `TooComplex` if there are too many."""
    found = directives_of(document)
    limits.check("directives", found)
    return found


def check_operation(
    schema: GraphQLSchema,
    document: DocumentNode,
    operation: OperationDefinitionNode,
    limits: Limits,
) -> Size:
    """Return the size of an operation. Raises `TooComplex` if it is larger than the limits allow."""
    size = size_of(schema, document, operation)
    for name in ("depth", "introspection", "aliases", "root_fields"):
        limits.check(name, getattr(size, name))
    return size


def sizes(directives: int, size: Size) -> dict[str, int]:
    """Return what an operation has of what limits are measured by, its cost apart."""
    return {
        "directives": directives,
        "depth": size.depth,
        "aliases": size.aliases,
        "root_fields": size.root_fields,
    }


@contextmanager
def _oversized() -> Iterator[None]:
    try:
        yield
    except (TooComplex, BadUserInput) as error:
        raise Oversized(error) from error
