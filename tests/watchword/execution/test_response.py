"""A client's answer: data, errors as clients may see them, cursors, and what extensions say."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from graphql import ExecutionResult, GraphQLError

from watchword.errors import NotFound
from watchword.execution.response import check_shared, respond
from watchword.principal import ANONYMOUS, Grants, IdentityAsked, SharedPrincipal


def context(principal: Any = ANONYMOUS, **cursors: str) -> Any:
    is_shared = isinstance(principal, SharedPrincipal)
    return SimpleNamespace(principal=principal, cursors=cursors, is_shared=is_shared)


def test_an_answer_has_only_what_there_is() -> None:
    assert respond({"a": 1}, None, context()) == {"data": {"a": 1}}
    assert respond({"a": 1}, [], context(), {}) == {"data": {"a": 1}}


def test_errors_are_formatted() -> None:
    error = GraphQLError("no", path=["a"], original_error=NotFound("There is none."))
    [shown] = respond(None, [error], context())["errors"]
    assert shown["extensions"] == {"code": "NOT_FOUND"}


def test_extensions_stand_beside_the_cursors_and_replace_none() -> None:
    answer = respond({}, None, context(toys="c1"), {"took": 3, "cursors": "forged", "odd": object})
    assert answer["extensions"].pop("odd") == str(object)
    assert answer["extensions"] == {"took": 3, "cursors": {"toys": "c1"}}


def test_a_shared_execution_that_asked_who_asks_gives_no_answer() -> None:
    shared = SharedPrincipal(Grants(), True)
    check_shared(ExecutionResult({}, None), context(shared))
    asked = GraphQLError("who?", original_error=IdentityAsked())
    with pytest.raises(IdentityAsked):
        check_shared(ExecutionResult({}, [asked]), context(shared))
    check_shared(ExecutionResult({}, [asked]), context())
    with pytest.raises(IdentityAsked):
        shared.ask()
    with pytest.raises(IdentityAsked):
        check_shared(ExecutionResult({}, None), context(shared))
