"""Every test that the security tables name is there."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from tests.support.documents import SECURITY

TESTS = Path(__file__).parent
NAMED = sorted(set(re.findall(r"`([\w/]+\.py(?:::\w+)?)`", SECURITY.read_text())))


@pytest.mark.parametrize("named", NAMED)
def test_a_named_test_is_there(named: str) -> None:
    path, _, name = named.partition("::")
    tree = ast.parse((TESTS / path).read_text())
    functions = ast.FunctionDef | ast.AsyncFunctionDef
    names = [node.name for node in tree.body if isinstance(node, functions)]
    assert any(each.startswith("test_") for each in names)
    assert name in ("", *names)


def test_every_row_names_a_test() -> None:
    rows = [line for line in SECURITY.read_text().splitlines() if line.startswith("| ")]
    titles = ("| section", "| line", "| requirement")
    for row in rows:
        assert row.startswith(titles) or re.search(r"`[\w/]+\.py(::\w+)?` \|$|\.py` \|$", row), row


def test_every_section_of_the_guides_has_a_row() -> None:
    text = SECURITY.read_text()
    for section in range(1, 13):
        assert re.search(rf"^\| 3\.{section} ", text, re.MULTILINE), f"RFC 8725, 3.{section}"
    for section in range(1, 18):
        assert re.search(rf"\b4\.{section}\b", text), f"RFC 9700, 4.{section}"
