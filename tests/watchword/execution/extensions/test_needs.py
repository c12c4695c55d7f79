"""What an author says of an extension: it must run for each request, or once for all that share an execution."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

import pytest
from strawberry.extensions import SchemaExtension

from tests.support.clock import MovedClock
from tests.support.documents import HOW_TO, block
from tests.support.strawberry_view import Operation, watchword_view
from watchword.execution.extensions.needs import RunsFor, declared, each_execution, each_request


def test_what_is_not_said_is_none() -> None:
    class Silent(SchemaExtension):
        pass

    assert declared(Silent) is None


def test_the_need_of_each_request_holds_for_subclasses() -> None:
    @each_request
    class Counting(SchemaExtension):
        pass

    class More(Counting):
        pass

    assert declared(Counting) is declared(More) is RunsFor.REQUEST


def test_the_promise_to_need_no_request_holds_for_no_subclass() -> None:
    @each_execution
    class Quiet(SchemaExtension):
        pass

    class More(Quiet):
        pass

    assert declared(Quiet) is RunsFor.EXECUTION
    assert declared(More) is None


def test_a_subclass_may_say_something_else() -> None:
    @each_request
    class Counting(SchemaExtension):
        pass

    @each_execution
    class Quiet(Counting):
        pass

    assert declared(Quiet) is RunsFor.EXECUTION


async def test_the_example_of_the_documentation_does_what_it_says(
    sqlite_url: str, clock: MovedClock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = block(HOW_TO / "extensions.md", "python", "# metered.py")
    (tmp_path / "metered.py").write_text(text)
    monkeypatch.syspath_prepend(tmp_path)
    metered: Any = importlib.import_module("metered")
    async with watchword_view(metered.schema, sqlite_url, clock) as view:
        for _ in range(2):
            async for answer in view.answers(Operation("{ hello }"), "http"):
                assert answer["data"] == {"hello": "hello"}
                assert answer["extensions"]["seconds"] > 0
    assert metered.taken == {"anonymous": 2}
