"""Trusted documents are found by any of their ids, and whom the settings bind may send nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest

from watchword.execution.documents.automatic import digest_of
from watchword.execution.documents.manifest import Entry
from watchword.execution.documents.trusted import DOCUMENTS_ANY, OnlyTrusted, TrustedDocuments
from watchword.principal import ANONYMOUS, FIRST_PARTY, Elsewhere, Grants, Principal

HELLO = "{ hello }"
DIGEST = digest_of(HELLO)


@pytest.mark.parametrize("id", ["2b1e", DIGEST, f"sha256:{DIGEST}"])
@pytest.mark.parametrize("asked", ["own", "sha256"])
def test_a_document_is_found_by_its_own_id_and_by_its_hash(id: str, asked: str) -> None:
    trusted = TrustedDocuments([Entry(Path("m.json"), id, HELLO)])
    assert trusted.find(id if asked == "own" else f"sha256:{DIGEST}") == HELLO
    assert len(trusted) == 1


def test_the_hash_of_an_automatic_persisted_query_may_be_any_id() -> None:
    trusted = TrustedDocuments([Entry(Path("m.json"), "2b1e", HELLO)])
    assert trusted.find("sha256:2b1e") == HELLO
    for other in ("2b1", "sha256:", "", "2B1E", "sha256:sha256:2b1e"):
        assert trusted.find(other) is None


def of(client: str | None, *scopes: str, **members: Elsewhere) -> Principal:
    return Principal("alice", Grants(scopes=frozenset(scopes)), client, **members)


def test_all_are_bound_except_those_who_may_send_any_document() -> None:
    only = OnlyTrusted()
    for caller in (ANONYMOUS, of(None), of(FIRST_PARTY), of("shop", "incidents:read")):
        assert only.binds(caller)
    assert not only.binds(of("shop", DOCUMENTS_ANY))


def test_some_clients_are_bound_and_nobody_is_free_by_leaving_the_token_away() -> None:
    only = OnlyTrusted(frozenset({"shop"}))
    assert only.binds(of("shop"))
    assert only.binds(ANONYMOUS)
    assert not only.binds(of("partner"))
    assert not only.binds(of(FIRST_PARTY))
    assert not only.binds(of("shop", DOCUMENTS_ANY))


def test_our_own_sign_in_is_meant_wherever_the_person_signed_in() -> None:
    only = OnlyTrusted(frozenset({FIRST_PARTY}))
    assert only.binds(of(FIRST_PARTY))
    assert only.binds(of("spa", elsewhere=Elsewhere("https://id.example.com", is_front_end=True)))
    assert not only.binds(of("spa", elsewhere=Elsewhere("https://id.example.com")))
