"""The caller is compared with the object: its owner, its tenant. Nothing is never equal to nothing."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any
from uuid import UUID

import pytest

from watchword.permissions.field import HasTenant, Owner
from watchword.permissions.object_rules import OwnerRule, SameTenantRule
from watchword.permissions.rules import Question, Rule
from watchword.principal import ANONYMOUS, Grants, Principal

ID = "7d444840-9dc0-11d1-b245-5ffdce74fad2"
ALICE = Principal("alice", Grants(tenant="acme"))
NOBODYS = Principal("bob", Grants(tenant=None))
BLANK = Principal("bob", Grants(tenant=""))


def asked(rule: Rule, principal: Principal, **attributes: Any) -> bool:
    return rule.holds(Question(principal, SimpleNamespace(**attributes), None, {}))


@pytest.mark.parametrize(
    ("principal", "author", "passes"),
    [
        (ALICE, "alice", True),
        (ALICE, "bob", False),
        (ALICE, "Alice", False),
        (ALICE, None, False),
        (ANONYMOUS, None, False),
        (ANONYMOUS, "", False),
        (Principal("7"), 7, True),
        (Principal(ID), UUID(ID), True),
        (Principal("None"), None, False),
    ],
)
def test_the_owner_is_the_caller_whose_subject_the_object_has(
    principal: Principal, author: Any, passes: bool
) -> None:
    assert asked(OwnerRule("author_id"), principal, author_id=author) is passes
    row = SimpleNamespace(author_id=author)
    assert asked(OwnerRule("row.author_id"), principal, row=row) is passes


@pytest.mark.parametrize(
    ("principal", "tenant", "passes"),
    [
        (ALICE, "acme", True),
        (ALICE, "other", False),
        (ALICE, None, False),
        (NOBODYS, None, False),
        (NOBODYS, "", False),
        (BLANK, "", False),
        (ANONYMOUS, None, False),
    ],
)
def test_none_is_never_equal_to_none(principal: Principal, tenant: Any, passes: bool) -> None:
    assert asked(SameTenantRule("tenant_id"), principal, tenant_id=tenant) is passes
    assert HasTenant().allows(principal) is (principal is ALICE)


@pytest.mark.parametrize("rule", [OwnerRule("id"), SameTenantRule("id")])
def test_where_there_is_no_object_nobody_passes(rule: Rule) -> None:
    assert not rule.holds(Question(ALICE, None, None, {"id": "alice"}))


@pytest.mark.parametrize("held", [ID, UUID(ID).hex])
def test_a_uuid_is_the_same_with_and_without_hyphens(held: str) -> None:
    assert asked(OwnerRule("author_id"), Principal(held), author_id=UUID(ID))
    assert not asked((~Owner("author_id")).rule, Principal(held), author_id=UUID(ID))


@pytest.mark.parametrize("rule", [(~Owner("id")).rule, (~HasTenant("id")).rule])
def test_the_opposite_does_not_pass_where_there_is_nothing_to_compare(rule: Rule) -> None:
    assert not rule.holds(Question(ALICE, None, None, {}))
    assert not asked(rule, ANONYMOUS, id="x")
    assert asked(rule, ALICE, id="x")


def test_without_a_tenant_a_caller_is_not_taken_for_one_of_another() -> None:
    assert not asked((~HasTenant("id")).rule, NOBODYS, id="x")


def test_a_misspelled_attribute_is_an_error_and_not_a_refusal() -> None:
    with pytest.raises(AttributeError, match="autor"):
        asked(OwnerRule("autor_id"), ALICE, author_id="alice")


def test_the_same_attribute_has_the_same_class() -> None:
    assert Owner("author_id") is Owner("author_id")
    assert HasTenant("tenant_id") is HasTenant("tenant_id")
    assert HasTenant("tenant_id") is not HasTenant()
