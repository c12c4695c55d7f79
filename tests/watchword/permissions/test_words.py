"""Requirements read as sentences."""

from __future__ import annotations

import pytest

from watchword.permissions import words
from watchword.permissions.field import HasTenant, Owner
from watchword.permissions.rules import (
    AllOf,
    AnyOf,
    Anyone,
    Check,
    ClaimRule,
    Not,
    RoleRule,
    ScopeRule,
    SignedInRule,
)


def test_what_is_required_reads_as_a_sentence() -> None:
    rule = AllOf(
        (
            ScopeRule("toys:count"),
            AnyOf((RoleRule("keeper"), Check(lambda asked: True, "to own the toy"))),
            Not(SignedInRule()),
        )
    )
    assert words.describe(rule.requires) == (
        "scope toys:count and (role keeper or to own the toy) and not (signed in)"
    )
    assert words.describe(Anyone().requires) == "anyone"


def test_a_claim_is_described_with_its_value() -> None:
    said = [words.describe(ClaimRule("a", value).requires) for value in ("x y", True, 1)]
    assert said == ['the claim a "x y"', "the claim a true", "the claim a 1"]


@pytest.mark.parametrize(
    ("requires", "said"),
    [
        (Owner("author_id").rule.requires, "to be the owner (author_id)"),
        (HasTenant().rule.requires, "a tenant"),
        (HasTenant("tenant_id").rule.requires, "to be of the same tenant (tenant_id)"),
        ({"hours": [9, 17], "zone": "UTC"}, 'hours [9, 17], zone "UTC"'),
    ],
)
def test_rules_over_objects_and_rules_of_others_have_words(
    requires: dict[str, object], said: str
) -> None:
    assert words.describe(requires) == said


@pytest.mark.parametrize(
    ("told", "said"),
    [
        ([], "anyone"),
        (["anyone", "anyone"], "anyone"),
        (["anyone", "role keeper", "signed in"], "role keeper and signed in"),
        (["anyone", "observed: scope a"], "anyone and observed: scope a"),
        (
            ["observed: scope a", "anyone", "role b or role c"],
            "observed: scope a and role b or role c",
        ),
    ],
)
def test_anyone_is_left_out_beside_what_is_needed(told: list[str], said: str) -> None:
    assert words.together(told).replace("(", "").replace(")", "") == said
