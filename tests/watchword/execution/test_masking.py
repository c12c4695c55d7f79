"""Which part of an error the client gets."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
import strawberry
from graphql import GraphQLError
from strawberry import relay
from strawberry.relay.utils import SliceMetadata

from tests.support.away import away
from watchword.errors import Internal, NotFound
from watchword.execution.masking import code_of, format_error, mask


def test_a_known_error_keeps_everything() -> None:
    error = GraphQLError("x", path=["toy"], original_error=NotFound("No such toy."))
    assert format_error(error)["extensions"] == {"code": "NOT_FOUND"}


@pytest.mark.parametrize(
    "cause", [ValueError("secret"), GraphQLError("secret"), KeyError("secret")]
)
def test_an_unexpected_error_becomes_an_id(
    cause: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    shown = format_error(GraphQLError(str(cause), path=["toy"], original_error=cause))
    assert shown["extensions"]["code"] == "INTERNAL"
    assert "secret" not in str(shown)
    assert shown["extensions"]["id"] in caplog.text
    assert "secret" in caplog.text


def test_an_error_of_the_request_keeps_its_message() -> None:
    assert format_error(GraphQLError("Syntax Error"))["extensions"] == {"code": "BAD_USER_INPUT"}


def test_a_known_failure_is_not_concealed() -> None:
    error = NotFound("No such toy.")
    assert mask(error) is error
    assert isinstance(mask(ValueError()), Internal)


def test_a_database_error_becomes_unavailable_without_its_message(
    caplog: pytest.LogCaptureFixture,
) -> None:
    cause = away(ConnectionRefusedError("postgresql://watchword:hunter2@database"))
    shown = format_error(GraphQLError(str(cause), path=["toy"], original_error=cause))
    assert shown["extensions"] == {"code": "UNAVAILABLE"}
    assert shown["message"] == "The database cannot be asked just now."
    assert "hunter2" not in caplog.text


@strawberry.type
class Fruit(relay.Node):
    code: relay.NodeID[str]

    @classmethod
    def resolve_nodes(cls, *, info: Any, node_ids: Any, required: bool = False) -> list[Any]:
        return [Fruit(code=each) for each in node_ids]


@strawberry.type
class Query:
    fruit: Fruit = relay.node()


# As much of an `info` as Strawberry's relay reads.
INFO: Any = SimpleNamespace(schema=strawberry.Schema(Query))


@pytest.mark.parametrize(
    ("ask", "told"),
    [
        (
            lambda: SliceMetadata.from_arguments(INFO, first=-1),
            "Argument 'first' must be a non-negative integer.",
        ),
        (
            lambda: SliceMetadata.from_arguments(INFO, last=101),
            "Argument 'last' cannot be higher than 100.",
        ),
        (
            lambda: SliceMetadata.from_arguments(INFO, after=relay.to_base64("Fruit", "1")),
            "Argument 'after' contains a non-existing value.",
        ),
        (lambda: SliceMetadata.from_arguments(INFO, before="rubbish"), "Incorrect padding"),
        (
            lambda: relay.GlobalID("Nothing", "1").resolve_type(INFO),
            "Cannot resolve. GlobalID requires a GraphQL type, received `Nothing`.",
        ),
        (
            lambda: relay.GlobalID("Fruit", "1").resolve_node_sync(INFO, ensure_type=Query),
            "The id is one of another type than this field takes.",
        ),
    ],
)
def test_a_client_is_told_what_is_wrong_with_a_page_or_a_global_id(
    ask: Callable[[], object], told: str
) -> None:
    with pytest.raises((ValueError, TypeError)) as raised:
        ask()
    located = GraphQLError(str(raised.value), path=["fruit"], original_error=raised.value)
    shown = format_error(located)
    assert (shown["message"], shown["extensions"]) == (told, {"code": "BAD_USER_INPUT"})
    assert code_of(located) == "BAD_USER_INPUT"


class Broken(Fruit):
    @classmethod
    def resolve_nodes(cls, **rest: Any) -> list[Any]:
        raise ValueError("secret")


def test_an_error_of_a_resolver_below_relay_is_concealed() -> None:
    with pytest.raises(ValueError, match="secret") as raised:
        Broken.resolve_node("1", info=INFO)
    located = GraphQLError("secret", path=["fruit"], original_error=raised.value)
    assert "secret" not in str(format_error(located))
    assert code_of(located) == "INTERNAL"
