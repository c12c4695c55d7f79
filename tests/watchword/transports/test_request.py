"""Reading a request from JSON of any shape."""

from __future__ import annotations

from typing import Any

import pytest

from watchword.errors import BadUserInput, QueryMissing
from watchword.transports.request import NO_FILES, Files, GraphQLRequest, opening_of, read


def test_all_members_are_read() -> None:
    value = {"query": "{ a }", "operationName": "A", "variables": {"x": 1}, "extensions": {"y": 2}}
    assert read(value) == GraphQLRequest("{ a }", "A", {"x": 1}, {"y": 2})


@pytest.mark.parametrize(
    ("members", "id"),
    [
        ({"documentId": "sha256:ab"}, "sha256:ab"),
        ({"documentId": "greeting"}, "greeting"),
        ({"extensions": {"persistedQuery": {"version": 1, "sha256Hash": "ab"}}}, "sha256:ab"),
        (
            {
                "documentId": "mine",
                "extensions": {"persistedQuery": {"version": 1, "sha256Hash": "ab"}},
            },
            "mine",
        ),
    ],
)
def test_a_document_may_be_named_by_an_id_or_a_hash(members: dict[str, Any], id: str) -> None:
    request = read(members)
    assert (request.query, request.document_id) == (None, id)
    assert read({"query": "{ a }", **members}).document_id == id


def test_an_empty_id_is_none() -> None:
    assert read({"query": "{ a }", "documentId": ""}).document_id is None
    with pytest.raises(QueryMissing):
        read({"documentId": ""})


def test_a_subscription_keeps_what_resolvers_may_read_and_nothing_that_was_read_at_its_start() -> (
    None
):
    ours = {"resume": "c", "position": True, "after": [], "traceparent": "t", "tracestate": "s"}
    opening = opening_of(GraphQLRequest("s", extensions={**ours, "region": "eu"}))
    assert (opening.resume, opening.wants_position) == ("c", True)
    assert opening.kept is not None
    assert opening.kept.unpacked() == {"region": "eu"}
    assert opening_of(GraphQLRequest("s", extensions=ours)).kept is None
    assert opening_of(GraphQLRequest("s")).kept is None


def test_files_are_closed_once_at_the_end_of_the_block() -> None:
    closed: list[str] = []
    files = Files()
    files.on_close(lambda: closed.append("first"))
    files.on_close(lambda: closed.append("second"))
    with pytest.raises(ValueError, match="the operation failed"), files:
        assert closed == []
        raise ValueError("the operation failed")
    files.close()
    assert closed == ["second", "first"]


def test_a_request_has_files_only_if_it_was_given_some() -> None:
    request = read({"query": "{ a }"})
    assert (request.files, request.has_files) == (NO_FILES, False)
    assert request._replace(files=Files()).has_files


def test_null_and_absent_are_the_same() -> None:
    value = {"query": "{ a }", "operationName": None, "variables": None, "extensions": None}
    assert read(value) == read({"query": "{ a }"}) == GraphQLRequest("{ a }")


def test_an_empty_operation_name_is_none() -> None:
    assert read({"query": "{ a }", "operationName": ""}).operation_name is None


@pytest.mark.parametrize(
    ("value", "path"),
    [
        (None, None),
        ([], None),
        ("{ a }", None),
        ({}, ["query"]),
        ({"query": 1}, ["query"]),
        ({"query": "", "variables": []}, ["variables"]),
        ({"query": "", "operationName": 1}, ["operationName"]),
        ({"query": "", "extensions": True}, ["extensions"]),
        ({"query": "", "extensions": {"position": "now"}}, ["extensions", "position"]),
    ],
)
def test_what_does_not_fit_is_named(value: Any, path: list[str] | None) -> None:
    with pytest.raises(BadUserInput) as error:
        read(value)
    assert error.value.extensions.get("path") == path
