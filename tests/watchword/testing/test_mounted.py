"""What is tested is found by its name or by itself, and what is not found is named, with what to do."""

from __future__ import annotations

from pathlib import Path

import pytest
from fastapi import APIRouter, FastAPI
from starlette.applications import Starlette

from tests.support import toy_schema
from watchword.config.settings import Settings
from watchword.errors import Unsafe
from watchword.mounting.asgi_app import Watchword
from watchword.testing.mounted import for_tests, target

SHOP = """
import strawberry
from fastapi import FastAPI
from watchword import Domain, Public, Watchword

@strawberry.type
class Query:
    @strawberry.field(permission_classes=[Public])
    def hello(self) -> str:
        return "hello"

schema = strawberry.Schema(Query)
domain = Domain(roles={"clerk": frozenset({"a:b"})})
app = FastAPI()
app.mount("/inner", Watchword(schema, domain=domain))
"""


@pytest.fixture
def inner() -> Watchword:
    return Watchword(toy_schema.schema, Settings(_env_file=None))


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The name of a module with a schema and an app."""
    name = f"shop_{abs(hash(tmp_path))}"
    (tmp_path / f"{name}.py").write_text(SHOP)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.chdir(tmp_path)
    return name


def test_a_watchword_is_found_at_its_path_however_it_is_mounted(inner: Watchword) -> None:
    mounted, included, nested, outer = FastAPI(), FastAPI(), Starlette(), Starlette()
    mounted.mount("/in", inner)
    included.include_router(inner.router("/in"))
    nested.mount("/deep", mounted)
    outer.mount("/very", nested)
    assert [target(app).path for app in (inner, mounted, included, nested, outer)] == [
        "",
        "/in",
        "/in",
        "/deep/in",
        "/very/deep/in",
    ]
    assert target(outer).watchword is inner
    assert target(outer).app is outer


def test_a_schema_or_an_app_is_found_by_its_name(
    shop: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert target(f"{shop}:schema").watchword.mount.domain.roles.keys() == {"clerk"}
    assert target(f"{shop}:app").path == "/inner"
    monkeypatch.setenv("WATCHWORD_MOUNT", f"{shop}:schema")
    assert target("").watchword.mount.domain.roles.keys() == {"clerk"}


@pytest.mark.parametrize(
    ("named", "said"),
    [
        ("", "It is not said what to test. Name it in pytest's settings"),
        ("shop", "'shop' is not like module:attribute"),
        ("no_such_shop:app", "There is no module 'no_such_shop'.*pythonpath = ."),
        ("json:app", "json has no 'app'"),
        ("json:dumps", "There is no Watchword in the routes"),
    ],
)
def test_a_name_that_does_not_fit_says_what_to_do(
    named: str, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(Unsafe, match=said):
        target(named)


def test_an_import_that_fails_inside_of_the_module_is_raised_as_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "shop_that_lacks.py").write_text("import no_such_library")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ModuleNotFoundError, match="no_such_library"):
        target("shop_that_lacks:app")


def test_two_in_one_app_and_a_bare_schema_are_refused(inner: Watchword) -> None:
    app = FastAPI()
    app.include_router(APIRouter())
    app.mount("/one", inner)
    app.mount("/two", inner)
    with pytest.raises(Unsafe, match="more than one Watchword"):
        target(app)
    with pytest.raises(Unsafe, match="a bare schema"):
        target(toy_schema.schema)


def test_settings_reach_nothing_outside_of_the_test() -> None:
    given = Settings(_env_file=None, bus_url="redis://127.0.0.1:6379", workers=3)
    made = for_tests(given, {"access_token_seconds": 300})
    assert (made.bus_url, made.workers, made.unpublished_writes) == ("memory://", 1, "raise")
    assert made.access_token_seconds == 300


def test_a_change_of_no_setting_and_a_wrong_value_are_refused() -> None:
    settings = Settings(_env_file=None)
    with pytest.raises(Unsafe, match="'acess_token_seconds', which is no field"):
        for_tests(settings, {"acess_token_seconds": 300})
    with pytest.raises(ValueError, match="access_token_seconds"):
        for_tests(settings, {"access_token_seconds": 1})
