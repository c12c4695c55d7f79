"""A request's document is found by its text or its id, and registered under its hash only if both are right."""

from __future__ import annotations

from typing import Any

import pytest
import strawberry
from strawberry.extensions import SchemaExtension

from watchword.config.document_settings import DocumentSettings
from watchword.errors import WatchwordError
from watchword.execution.documents.automatic import AutomaticDocuments, digest_of
from watchword.execution.documents.documents import Documents, make_documents
from watchword.execution.engine import Engine
from watchword.execution.limits import Limits
from watchword.execution.plan import Draft, Refused

HELLO = "{ hello }"
ID = f"sha256:{digest_of(HELLO)}"


@strawberry.type
class Query:
    @strawberry.field
    def hello(self) -> str:
        return "hello"


def engine(**options: Any) -> Engine:
    return Engine(strawberry.Schema(Query, **options), Limits(1_000, 10, 10, 1_000), 10)


def documents(most_bytes: int = 10_000, **options: Any) -> Documents:
    return Documents(engine(**options), AutomaticDocuments(most_bytes) if most_bytes else None)


def code(made: Documents, *asked: str | None) -> str:
    with pytest.raises(Refused) as refused:
        made.plan(*asked, None)
    cause = refused.value.errors[0].original_error
    assert isinstance(cause, WatchwordError)
    return cause.code


def test_a_text_needs_no_id() -> None:
    assert documents().plan(HELLO, None, None).query == HELLO


def test_a_text_with_its_hash_is_found_by_the_hash_from_then_on() -> None:
    made = documents()
    assert code(made, None, ID) == "PERSISTED_QUERY_NOT_FOUND"
    plan = made.plan(HELLO, ID, None)
    assert made.plan(None, ID, None) is plan is made.plan(HELLO, None, None)


@pytest.mark.parametrize(
    "id",
    [f"sha256:{digest_of('{ hello } ')}", ID.upper().replace("SHA", "sha"), "sha256:", f"{ID} "],
)
def test_another_hash_is_refused_and_registers_nothing(id: str) -> None:
    made = documents()
    assert code(made, HELLO, id) == "BAD_USER_INPUT"
    assert made.automatic is not None
    assert len(made.automatic) == 0


@pytest.mark.parametrize("text", ["{", "{ nothing }", "", "x" * 60_000])
def test_a_document_that_cannot_run_is_not_registered(text: str) -> None:
    made = documents(1_000_000)
    with pytest.raises(Refused):
        made.plan(text, f"sha256:{digest_of(text)}", None)
    assert made.automatic is not None
    assert len(made.automatic) == 0


def test_an_id_of_another_kind_registers_nothing_and_finds_nothing() -> None:
    made = documents()
    assert made.plan(HELLO, "greeting", None).query == HELLO
    assert code(made, None, "greeting") == "PERSISTED_QUERY_NOT_FOUND"
    assert code(made, None, digest_of(HELLO)) == "PERSISTED_QUERY_NOT_FOUND"


def test_without_a_cache_clients_are_told_to_send_documents() -> None:
    made = documents(0)
    assert made.plan(HELLO, f"sha256:{'ab' * 32}", None).query == HELLO
    assert code(made, None, ID) == "PERSISTED_QUERY_NOT_SUPPORTED"


def test_an_extension_of_the_schema_may_find_what_the_cache_does_not_have() -> None:
    class Finding(SchemaExtension):
        def on_operation(self) -> Any:
            yield

    made = documents(extensions=[Finding])
    missing = made.plan(None, ID, None)
    assert isinstance(missing, Draft)
    assert missing.errors[0].message == "PersistedQueryNotFound"
    assert isinstance(made.plan("{ nothing }", f"sha256:{digest_of('{ nothing }')}", None), Draft)
    assert made.automatic is not None
    assert len(made.automatic) == 0
    made.plan(HELLO, ID, None)
    assert made.plan(None, ID, None).query == HELLO


@pytest.mark.parametrize(("most", "is_on"), [(0, False), (5_000, True)])
def test_the_settings_say_how_much_is_kept(most: int, is_on: bool) -> None:
    made = make_documents(engine(), DocumentSettings(persisted_queries_bytes=most))
    assert (made.automatic is not None) is is_on
