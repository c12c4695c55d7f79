"""The page of the pytest plugin: its fixtures and settings, and the names of `watchword.testing`."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Iterator
from typing import Any

import pytest

import watchword.testing
from docs.generator import api, markdown
from watchword.testing import plugin

ABOUT = """\
The plugin is there wherever Watchword is installed, and `pip install 'watchword[testing]'` installs pytest with it. How it is
used: [test your schema or app](../how-to/test-your-app.md). The classes are imported from `watchword.testing`, for annotations.
`App`, `Caller` and `Subscription` are for tests with an event loop. Those that begin with `Sync`, which `watchword.sync` gives, are for
tests without one: their methods have the same names and are not awaited."""


def page() -> str:
    """Return the page. Raises `LookupError` for a fixture, a class or a method that says nothing of itself."""
    return markdown.page(
        "Testing",
        ABOUT,
        "## Fixtures",
        "\n".join(_fixtures()),
        "## Settings of pytest",
        markdown.table(["name", "what it is"], _settings()),
        *(part for name in watchword.testing.__all__ for part in _class(name)),
    )


def _fixtures() -> Iterator[str]:
    body = ast.parse(inspect.getsource(plugin)).body
    for node in body:
        is_fixture = isinstance(node, ast.FunctionDef) and any(
            "fixture" in ast.unparse(each) for each in node.decorator_list
        )
        if is_fixture and not node.name.startswith("_"):  # type: ignore[attr-defined]
            about = ast.get_docstring(node) or ""  # type: ignore[arg-type]
            if not about:
                raise LookupError(f"the fixture {node.name} has no docstring")  # type: ignore[attr-defined]
            yield f"* `{node.name}`: {' '.join(about.split())}"  # type: ignore[attr-defined]


def _settings() -> Iterator[list[str]]:
    parser = pytest.Parser(_ispytest=True)
    plugin.pytest_addoption(parser)
    for name, (about, *_) in parser._inidict.items():
        yield [markdown.code(name), about]
    [group] = [each for each in parser._groups if each.name == "watchword"]
    for option in group.options:
        yield [markdown.code(option.names()[0]), str(option.attrs()["help"])]


def _class(name: str) -> Iterator[str]:
    thing = getattr(watchword.testing, name)
    yield f"## {name}"
    yield markdown.doc(thing)
    # Those without an event loop have the same methods, not awaited.
    if not name.startswith("Sync"):
        yield "\n".join(api.method(*each) for each in _methods(thing))


def _methods(thing: type) -> Iterator[tuple[str, Any]]:
    """Yield the methods of a class and of its bases in the package, the bases' first."""
    for base in reversed(thing.__mro__):
        if base.__module__.startswith("watchword.testing"):
            yield from api.methods_of(base)
