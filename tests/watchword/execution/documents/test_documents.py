"""A request's document is found by its text or its id, and registered under its hash only if both are right."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import strawberry
from strawberry.extensions import SchemaExtension

from watchword.config.document_settings import DocumentSettings
from watchword.errors import Unsafe, WatchwordError
from watchword.execution.documents import documents as documents_module
from watchword.execution.documents.automatic import AutomaticDocuments, digest_of
from watchword.execution.documents.documents import Documents, make_documents
from watchword.execution.documents.manifest import Entry
from watchword.execution.documents.trusted import DOCUMENTS_ANY, OnlyTrusted, TrustedDocuments
from watchword.execution.engine import Engine
from watchword.execution.limits import Limits
from watchword.execution.plan import Draft, Plan, Refused
from watchword.principal import ANONYMOUS, Grants, Principal

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


def trusting(only: OnlyTrusted | None = None, **options: Any) -> Documents:
    trusted = TrustedDocuments([Entry(Path("m.json"), "2b1e", HELLO)])
    return Documents(engine(**options), AutomaticDocuments(10_000), trusted, only)


def plan(made: Documents, query: str | None, id: str | None, who: Principal = ANONYMOUS) -> Plan:
    return made.plan(query, id, None, who)


def code(made: Documents, query: str | None, id: str | None, who: Principal = ANONYMOUS) -> str:
    with pytest.raises(Refused) as refused:
        plan(made, query, id, who)
    cause = refused.value.errors[0].original_error
    assert isinstance(cause, WatchwordError)
    return cause.code


def test_a_text_needs_no_id() -> None:
    assert plan(documents(), HELLO, None).query == HELLO


def test_a_text_with_its_hash_is_found_by_the_hash_from_then_on() -> None:
    made = documents()
    assert code(made, None, ID) == "PERSISTED_QUERY_NOT_FOUND"
    first = plan(made, HELLO, ID)
    assert plan(made, None, ID) is first is plan(made, HELLO, None)


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
        plan(made, text, f"sha256:{digest_of(text)}")
    assert made.automatic is not None
    assert len(made.automatic) == 0


def test_an_id_of_another_kind_registers_nothing_and_finds_nothing() -> None:
    made = documents()
    assert plan(made, HELLO, "greeting").query == HELLO
    assert code(made, None, "greeting") == "PERSISTED_QUERY_NOT_FOUND"
    assert code(made, None, digest_of(HELLO)) == "PERSISTED_QUERY_NOT_FOUND"


def test_without_a_cache_clients_are_told_to_send_documents() -> None:
    made = documents(0)
    assert plan(made, HELLO, f"sha256:{'ab' * 32}").query == HELLO
    assert code(made, None, ID) == "PERSISTED_QUERY_NOT_SUPPORTED"


def test_an_extension_of_the_schema_may_find_what_the_cache_does_not_have() -> None:
    class Finding(SchemaExtension):
        def on_operation(self) -> Any:
            yield

    made = documents(extensions=[Finding])
    missing = plan(made, None, ID)
    assert isinstance(missing, Draft)
    assert missing.errors[0].message == "PersistedQueryNotFound"
    assert isinstance(plan(made, "{ nothing }", f"sha256:{digest_of('{ nothing }')}"), Draft)
    assert made.automatic is not None
    assert len(made.automatic) == 0
    plan(made, HELLO, ID)
    assert plan(made, None, ID).query == HELLO


OTHER = "{ other: hello }"
DEVELOPER = Principal("dev", Grants(scopes=frozenset({DOCUMENTS_ANY})))
TRUSTED_IDS = ("2b1e", "sha256:2b1e", ID)


@pytest.mark.parametrize("only", [None, OnlyTrusted()])
@pytest.mark.parametrize("id", TRUSTED_IDS)
def test_a_trusted_document_is_found_by_its_ids_with_and_without_its_text(
    id: str, only: OnlyTrusted | None
) -> None:
    made = trusting(only)
    first = plan(made, None, id)
    assert first.query == HELLO
    assert plan(made, HELLO, id) is first is plan(made, HELLO, None)
    assert plan(made, None, id, DEVELOPER) is first


@pytest.mark.parametrize("id", [None, "2b1e", ID, f"sha256:{digest_of(OTHER)}", "unknown"])
def test_a_bound_caller_may_send_no_other_text_whatever_id_comes_with_it(id: str | None) -> None:
    made = trusting(OnlyTrusted())
    assert code(made, OTHER, id) == "DOCUMENT_NOT_TRUSTED"
    assert code(made, HELLO + " ", id) == "DOCUMENT_NOT_TRUSTED"
    assert made.automatic is not None
    assert len(made.automatic) == 0


def test_a_bound_caller_cannot_use_what_somebody_else_has_registered() -> None:
    made, id = trusting(OnlyTrusted()), f"sha256:{digest_of(OTHER)}"
    plan(made, OTHER, id, DEVELOPER)
    assert plan(made, None, id, DEVELOPER).query == OTHER
    assert code(made, None, id) == "PERSISTED_QUERY_NOT_FOUND"


@pytest.mark.parametrize("id", TRUSTED_IDS)
def test_the_id_of_a_trusted_document_never_stands_for_another_text(id: str) -> None:
    made = trusting()
    assert code(made, OTHER, id) == "BAD_USER_INPUT"
    assert plan(made, None, id).query == HELLO


def test_a_bound_caller_may_leave_the_document_to_an_extension_of_the_schema() -> None:
    class Finding(SchemaExtension):
        def on_operation(self) -> Any:
            yield

    made = trusting(OnlyTrusted(), extensions=[Finding])
    for id in (None, "unknown"):
        assert isinstance(plan(made, None, id), Draft)
    assert code(made, OTHER, None) == "DOCUMENT_NOT_TRUSTED"


def test_a_kept_plan_is_known_only_to_those_who_may_ask_for_it() -> None:
    made = trusting(OnlyTrusted())
    asked: list[tuple[str | None, str | None]] = [(None, "2b1e"), (HELLO, None), (OTHER, None)]
    assert [made.known(*each, None, DEVELOPER) for each in asked] == [None, None, None]
    trusted, other = plan(made, None, "2b1e"), plan(made, OTHER, None, DEVELOPER)
    assert [made.known(*each, None, DEVELOPER) for each in asked] == [trusted, trusted, other]
    assert [made.known(*each, None, ANONYMOUS) for each in asked] == [trusted, trusted, None]
    for query, id in ((OTHER, ID), (None, "unknown"), (None, None)):
        assert made.known(query, id, None, DEVELOPER) is None


def test_trusted_documents_keep_their_plans_while_others_come_and_go() -> None:
    made = trusting()
    first = plan(made, None, "2b1e")
    for number in range(50):
        plan(made, f"{{ a{number}: hello }}", None)
    assert plan(made, None, "2b1e") is first


@pytest.mark.parametrize(("most", "is_on"), [(0, False), (5_000, True)])
def test_the_settings_say_how_much_is_kept(most: int, is_on: bool) -> None:
    made = make_documents(engine(), DocumentSettings(persisted_queries_bytes=most))
    assert (made.automatic is not None) is is_on


def test_the_settings_say_who_may_send_only_trusted_documents(tmp_path: Path) -> None:
    path = tmp_path / "manifest.json"
    path.write_text(json.dumps({"2b1e": HELLO}))
    some = make_documents(engine(), DocumentSettings(documents=path, documents_only='["shop"]'))
    everybody = make_documents(engine(), DocumentSettings(documents=path, documents_only="true"))
    partner = Principal("partner", client="partner")
    assert plan(some, OTHER, None, partner).query == OTHER
    assert code(everybody, OTHER, None, partner) == "DOCUMENT_NOT_TRUSTED"
    for made in (some, everybody):
        assert code(made, OTHER, None, Principal("a", client="shop")) == "DOCUMENT_NOT_TRUSTED"
        assert plan(made, None, "2b1e", partner).query == HELLO
    with pytest.raises(Unsafe, match="set WATCHWORD_DOCUMENTS to a manifest"):
        make_documents(engine(), DocumentSettings(documents_only="true"))


def test_clients_that_send_what_is_in_no_manifest_are_counted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made = trusting(OnlyTrusted(frozenset({"shop"})))
    web, shop = (Principal("ann", client=each) for each in ("web", "shop"))
    developer = Principal("ann", Grants(scopes=frozenset({DOCUMENTS_ANY})), client="web")
    for text, id in ((HELLO, None), (None, "2b1e"), (None, "unknown")):
        for who in (web, ANONYMOUS):
            if id == "unknown":
                assert code(made, text, id, who) == "PERSISTED_QUERY_NOT_FOUND"
            else:
                plan(made, text, id, who)
    assert not made.untrusted
    other = "{ a: hello }"
    for who in (web, developer):
        plan(made, other, None, who)
    for who in (shop, ANONYMOUS):
        assert code(made, other, None, who) == "DOCUMENT_NOT_TRUSTED"
    assert made.known(other, None, None, web) is not None
    assert made.untrusted == {"web": 2, "(none)": 1, "shop": 1}
    monkeypatch.setattr(documents_module, "MOST_CLIENTS", 3)
    for name in ("mine", "yours", "web"):
        plan(made, other, None, Principal("ann", client=name))
    assert made.untrusted == {"web": 3, "(none)": 1, "shop": 1, "(other)": 2}


def test_a_registered_document_is_counted_too_when_its_hash_asks_for_it() -> None:
    made = trusting()
    id = f"sha256:{digest_of(OTHER)}"
    plan(made, OTHER, id)
    assert made.known(None, id, None, ANONYMOUS) is not None
    plan(made, None, id)
    assert made.untrusted == {"(none)": 3}


def test_without_manifests_nothing_is_counted() -> None:
    made = documents()
    plan(made, HELLO, None)
    assert made.known(HELLO, None, None, ANONYMOUS) is not None
    plan(made, HELLO, ID)
    plan(made, None, ID)
    assert not made.untrusted
