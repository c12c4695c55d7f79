"""Private and undocumented parts of other libraries are touched in one place for each library.

When a library changes, its place is all there is to read, and the tests of that place say what has changed.
"""

from __future__ import annotations

import ast
import importlib
import subprocess
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parent.parent
SOURCES = ("graph", "schema")
UVICORN = "graph/watchword/asgi/uvicorn/"
# One file or several for each library, which begin with its name.
STRAWBERRY = "graph/watchword/libraries/strawberry_"
GRAPHQL_CORE = "graph/watchword/libraries/graphql_"
SQLALCHEMY = "graph/watchword/libraries/sqlalchemy_parts.py"
ASYNCIO = "graph/watchword/libraries/asyncio_parts.py"
AIOSQLITE = "graph/watchword/libraries/aiosqlite_parts.py"
HYPERCORN = "graph/watchword/libraries/hypercorn_parts.py"
OPENTELEMETRY = "graph/watchword/libraries/opentelemetry_parts.py"
# The places where a library's parts may be touched.
PLACES = {
    "uvicorn": UVICORN,
    "websockets": UVICORN,
    "strawberry": STRAWBERRY,
    "graphql": GRAPHQL_CORE,
    "asyncio": ASYNCIO,
    "aiosqlite": AIOSQLITE,
    "hypercorn": HYPERCORN,
}
# What each library documents, and every module may use. Names come from these modules' `__all__`, if they
# have one.
DOCUMENTED = {
    "uvicorn": {"uvicorn"},
    "websockets": {"websockets.asyncio.client", "websockets.exceptions", "websockets.typing"},
    "strawberry": {
        *("strawberry", "strawberry.dataloader", "strawberry.extensions", "strawberry.federation"),
        *("strawberry.file_uploads", "strawberry.permission", "strawberry.relay"),
        *("strawberry.scalars", "strawberry.schema.config", "strawberry.schema_directive"),
        "strawberry.types",
    },
    "graphql": {"graphql", "graphql.execution", "graphql.utilities"},
    "asyncio": {"asyncio"},
    "aiosqlite": {"aiosqlite"},
    "hypercorn": {"hypercorn"},
}
# Public names that begin with an underscore: a named tuple's methods, and an argument of pydantic-settings.
PUBLIC = {"_make", "_replace", "_asdict", "_fields", "_env_file"}
# One worker runs them, so that no other reads all sources.
pytestmark = pytest.mark.xdist_group("private parts")


@cache
def sources() -> list[str]:
    listed = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard", *(f"{root}/*.py" for root in SOURCES)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return [path for path in listed.stdout.split() if (ROOT / path).exists()]


@cache
def tree(path: str) -> ast.Module:
    return ast.parse((ROOT / path).read_text())


def is_private(name: str) -> bool:
    return name.startswith("_") and not name.startswith("__")


@cache
def own_names() -> frozenset[str]:
    """The private names that our own code gives to functions, classes, variables and attributes."""
    names: set[str] = set()
    for path in sources():
        for node in ast.walk(tree(path)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                names.add(node.name)
            elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
                names.add(node.attr)
            elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
                names.add(node.id)
    return frozenset(filter(is_private, names))


def library(module: str) -> str:
    return module.partition(".")[0]


@cache
def undocumented_imports(path: str) -> list[str]:
    return [*_undocumented_imports(path)]


def _undocumented_imports(path: str) -> Iterator[str]:
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            for alias in node.names:
                if library(alias.name) in PLACES and not is_documented(alias.name, None):
                    yield alias.name
        elif isinstance(node, ast.ImportFrom) and library(node.module or "") in PLACES:
            for alias in node.names:
                if not is_documented(node.module or "", alias.name):
                    yield f"{node.module}.{alias.name}"


def is_documented(module: str, name: str | None) -> bool:
    if module not in DOCUMENTED[library(module)]:
        return False
    offered: ModuleType = importlib.import_module(module)
    if name is None or f"{module}.{name}" in DOCUMENTED[library(module)]:
        return True
    return name in getattr(offered, "__all__", dir(offered)) and not is_private(name)


def private_imports(path: str) -> Iterator[str]:
    """Private modules and names of any library; our own are our own affair."""
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.ImportFrom) and library(node.module or "") not in (
            *("watchword", "incident_room", "__future__"),
        ):
            parts = (node.module or "").split(".")
            yield from filter(is_private, [*parts, *(alias.name for alias in node.names)])


def foreign_attributes(path: str) -> Iterator[str]:
    """Private attributes of other objects than `self`, and those of `self` that no code of ours defines."""
    for node in ast.walk(tree(path)):
        is_own = False
        if isinstance(node, ast.Attribute):
            name = node.attr
            is_own = ast.unparse(node.value) in ("self", "cls", "super()") and name in own_names()
        elif isinstance(node, ast.keyword) and node.arg:
            name = node.arg
        elif isinstance(node, ast.Call) and is_by_name(node):
            name = str(getattr(node.args[1], "value", ""))
        else:
            continue
        if is_private(name) and not is_own and name not in PUBLIC:
            yield name


def is_by_name(call: ast.Call) -> bool:
    names = ("getattr", "setattr", "hasattr", "delattr")
    return isinstance(call.func, ast.Name) and call.func.id in names and len(call.args) > 1


def elsewhere(path: str) -> bool:
    return not path.startswith((*PLACES.values(), SQLALCHEMY, OPENTELEMETRY))


@pytest.mark.parametrize("name", sorted(PLACES))
def test_undocumented_modules_of_a_library_are_imported_in_one_place(name: str) -> None:
    found = {
        path: imported
        for path in sources()
        if not path.startswith(PLACES[name])
        and (imported := [each for each in undocumented_imports(path) if library(each) == name])
    }
    assert found == {}


def test_private_names_are_imported_nowhere() -> None:
    found = {path: names for path in sources() if (names := [*private_imports(path)])}
    assert found == {}


def test_private_attributes_of_libraries_are_touched_in_one_place() -> None:
    found = {
        path: names
        for path in sources()
        if elsewhere(path) and (names := [*foreign_attributes(path)])
    }
    assert found == {}


def test_the_walk_finds_what_it_looks_for() -> None:
    places = (f"{STRAWBERRY}parts.py", f"{GRAPHQL_CORE}core.py")
    private = {name for place in places for name in foreign_attributes(place)}
    assert private >= {"_schema", "_strawberry_schema", "_on_unauthorized", "_raw_info", "_field"}
    assert "_relevant_sub_fields" in private
    assert "strawberry.execution.optimized_is_awaitable" in {
        *undocumented_imports(f"{STRAWBERRY}parts.py")
    }
    assert {*undocumented_imports("graph/watchword/cli/serve.py")} == set()


@pytest.mark.parametrize(
    "package", ["uvicorn", "websockets", "strawberry-graphql", "graphql-core", "starlette", "redis"]
)
def test_a_library_whose_parts_are_used_is_bounded_from_above(package: str) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    [needed] = [each for each in project["dependencies"] if each.split(">")[0] == package]
    assert ",<" in needed
