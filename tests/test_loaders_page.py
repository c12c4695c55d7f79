"""The schema of the page on loaders can be asked, and its authors are loaded together."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from tests.support.both_executions import Both

PAGE = Path(__file__).parents[1] / "docs/how-to/loaders.md"


@pytest.fixture
def page(monkeypatch: pytest.MonkeyPatch) -> Any:
    [text] = re.findall(r"^```python\n(.*?)^```", PAGE.read_text(), re.M | re.S)
    made = ModuleType("books")
    monkeypatch.setitem(sys.modules, "books", made)
    exec(text, made.__dict__)
    return made


async def test_the_schema_of_the_page_loads_all_authors_together(page: Any) -> None:
    load, batches = page.load_authors, list[list[str]]()

    async def counted(context: Any, keys: list[str]) -> Any:
        batches.append(keys)
        return await load(context, keys)

    page.load_authors = counted
    data, errors = await Both(page.Query).execute("{ books { title author { name } } }")
    assert not errors
    authors = [each["author"] and each["author"]["name"] for each in data["books"]]
    assert authors == ["Stanisław Lem", "Karel Čapek", None]
    assert batches == [["lem", "capek"]] * 2
