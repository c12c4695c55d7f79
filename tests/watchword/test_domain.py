"""A schema is found by name, with its domain."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import strawberry
from strawberry.permission import BasePermission

from tests.support import toy_schema
from watchword.domain import Domain, Mount, check, load
from watchword.errors import Unsafe
from watchword.permissions.field import HasScope, SignedIn
from watchword.principal import Grants


def test_a_schema_is_found_by_module_and_attribute() -> None:
    mount = load("tests.support.toy_schema:schema")
    assert mount.schema is toy_schema.schema
    assert mount.domain == Domain()


def test_the_domain_of_the_module_comes_with_the_schema(monkeypatch: pytest.MonkeyPatch) -> None:
    module = ModuleType("mounted")
    module.schema = toy_schema.schema  # type: ignore[attr-defined]
    module.domain = Domain(roles={"keeper": frozenset({"toys:count"})})  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "mounted", module)
    assert load("mounted:schema").domain is module.domain


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("domain", {"roles": {}}, "The variable domain of mounted is not a watchword.Domain"),
        ("domian", Domain(), "in the variable 'domian', which is not used. Name it `domain`"),
    ],
)
def test_a_domain_that_would_be_ignored_is_refused(
    name: str, value: object, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = ModuleType("mounted")
    module.schema = toy_schema.schema  # type: ignore[attr-defined]
    setattr(module, name, value)
    monkeypatch.setitem(sys.modules, "mounted", module)
    with pytest.raises(Unsafe, match=said):
        load("mounted:schema")


@pytest.mark.parametrize(
    "name",
    ["schema", ":schema", "schema:", "no.such.module:schema", "tests.support.toy_schema:nothing",
     "tests.support.toy_schema:STREAM"],
)  # fmt: skip
def test_a_name_that_is_no_schema_is_refused_in_one_sentence(name: str) -> None:
    with pytest.raises(Unsafe) as refusal:
        load(name)
    assert "\n" not in str(refusal.value)


MODULE = """
import strawberry

@strawberry.type
class Query:
    hello: str = "hello"

graph, other = strawberry.Schema(Query), strawberry.Schema(Query)

def make():
    return graph
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.syspath_prepend(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("named", "said"),
    [
        ("make", "is an object of builtins.function, and not a Strawberry schema"),
        ("schema", "is not there, and not a Strawberry schema"),
    ],
)
def test_a_name_that_is_no_schema_is_answered_with_those_that_are(
    named: str, said: str, folder: Path
) -> None:
    (folder / "shop_of_graphs.py").write_text(MODULE)
    advice = r"Name one of its schemas: shop_of_graphs:graph, shop_of_graphs:other\.$"
    with pytest.raises(Unsafe, match=f"^'shop_of_graphs:{named}' {said}. {advice}"):
        load(f"shop_of_graphs:{named}")
    # The advice can be followed.
    assert isinstance(load("shop_of_graphs:graph").schema, strawberry.Schema)


def test_a_module_without_a_schema_is_told_what_one_is(folder: Path) -> None:
    (folder / "shop_of_nothing.py").write_text("schema = None\n")
    with pytest.raises(Unsafe, match=r"Name a variable that holds a strawberry\.Schema\(…\)\.$"):
        load("shop_of_nothing:schema")


def test_a_module_that_is_missing_is_told_apart_from_one_that_it_imports(folder: Path) -> None:
    (folder / "shop_of_imports.py").write_text("import not_installed\n")
    for name in ("elsewhere", "elsewhere.inside"):
        with pytest.raises(
            Unsafe, match=r"^There is no module 'elsewhere' .* Start Watchword in its"
        ):
            load(f"{name}:schema")
    said = r"^There is no module 'not_installed' .* shop_of_imports imports it\. Install it where"
    with pytest.raises(Unsafe, match=said):
        load("shop_of_imports:schema")
    (folder / "elsewhere.py").write_text(MODULE)
    assert isinstance(load("elsewhere:graph").schema, strawberry.Schema)


def test_only_a_schema_can_be_mounted() -> None:
    thing: Any = object()
    with pytest.raises(
        Unsafe, match=r"^A strawberry\.Schema is mounted, not an object of builtins\.obj"
    ):
        Mount(thing, Domain())


@pytest.mark.parametrize("gives", [{"boss": {"keeper"}}, {"keeper": {"keeper", "boss"}}])
def test_an_unknown_role_in_gives_is_named(
    gives: dict[str, set[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    module = ModuleType("mounted")
    module.schema = toy_schema.schema  # type: ignore[attr-defined]
    made = {role: frozenset(given) for role, given in gives.items()}
    module.domain = Domain(roles={"keeper": frozenset()}, gives=made)  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "mounted", module)
    with pytest.raises(Unsafe, match="'boss'"):
        load("mounted:schema")


@pytest.mark.parametrize("name", ["roles", "gives"])
@pytest.mark.parametrize("given", ["orders:read", ["orders:read"], None])
def test_what_is_no_set_is_refused_instead_of_read_by_letters(name: str, given: Any) -> None:
    with pytest.raises(Unsafe, match=rf"^Domain\.{name}\['clerk'\] is a set of"):
        check(Domain(**{name: {"clerk": given}}))
    check(Domain(roles={"clerk": {"orders:read"}}))


def test_roles_give_their_scopes_together() -> None:
    domain = Domain(roles={"a": frozenset({"x", "y"}), "b": frozenset({"y", "z"})})
    assert domain.scopes(frozenset({"a", "b", "unknown"})) == {"x", "y", "z"}
    assert domain.scopes(frozenset()) == frozenset()


def test_nobody_reaches_further_than_its_own_roles_and_scopes_and_what_the_domain_lets_them_give() -> (
    None
):
    domain = Domain(
        roles={
            "admin": frozenset({"x", "y"}),
            "helper": frozenset({"x"}),
            "owner": frozenset(),
            "auditor": frozenset({"z"}),
        },
        gives={"admin": frozenset({"helper", "auditor"})},
    )

    def reach(*scopes: str) -> Grants:
        return domain.reach(Grants(frozenset({"admin"}), frozenset(scopes)))

    # The owner has no scope of its own, and the auditor has one that the admin lacks.
    assert reach("x", "y") == Grants(frozenset({"admin", "helper"}), frozenset({"x", "y"}))
    # A token with fewer scopes than its account can give no more than it has.
    assert reach("x") == Grants(frozenset({"helper"}), frozenset({"x"}))


@pytest.mark.parametrize("has_own_module", [False, True])
def test_the_name_that_the_built_in_schema_had_before_leads_to_the_one_it_has(
    has_own_module: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if has_own_module:
        monkeypatch.setitem(sys.modules, "schema", ModuleType("schema"))
    with pytest.raises(Unsafe, match="The built-in schema is incident_room:schema now"):
        load("schema:schema")


class Stock(BasePermission):
    def has_permission(self, source: Any, info: Any, **arguments: Any) -> bool:
        return True


@pytest.mark.parametrize("given", [SignedIn, [SignedIn()], ["SignedIn"], "SignedIn", [str], None])
def test_default_permissions_that_are_no_list_of_classes_are_refused(given: Any) -> None:
    with pytest.raises(Unsafe, match=r"^Domain.default_permissions is a list of permission cl"):
        check(Domain(default_permissions=given))


def test_default_permissions_may_be_ours_and_those_of_others() -> None:
    check(Domain(default_permissions=[SignedIn, HasScope("a") & SignedIn, Stock]))


def test_permissions_of_a_name_that_are_empty_or_no_classes_are_refused() -> None:
    with pytest.raises(
        Unsafe, match=r"^Domain\.permissions\['Order'\] is empty\. Write \[Public\] if"
    ):
        check(Domain(permissions={"Order": []}))
    with pytest.raises(
        Unsafe, match=r"^Domain\.permissions\['Order'\] is a list of permission classes"
    ):
        check(Domain(permissions={"Order": SignedIn}))  # type: ignore[dict-item]
    check(Domain(permissions={"Order": [SignedIn]}))


def test_a_context_is_awaited_if_it_waits_before_it_gives_the_extras() -> None:
    async def extras(_: Any) -> dict[str, Any]:
        return {}

    async def waits(_: Any) -> AsyncIterator[dict[str, Any]]:
        yield {"user": await extras(_)}

    async def waits_after(_: Any) -> AsyncIterator[dict[str, Any]]:
        yield {}
        await extras(_)

    for hook in (extras, waits):
        check(Domain(context=hook))
        assert Domain(context=hook).awaits_context
    for other in (waits_after, lambda _: {}, None):
        assert not Domain(context=other).awaits_context
