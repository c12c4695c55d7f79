"""What is told of Strawberry's own suite: which tests pass, and a known reason for each that does not."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.differential.strawberry_suite.__main__ import (
    CHOOSING,
    Outcomes,
    outcomes,
    prepare,
    tell_types,
    tell_views,
)
from tests.differential.strawberry_suite.reasons import REASONS, reason_for
from tests.support.documents import DOCS

REPORT = """<testsuites><testsuite>
<testcase classname="tests.http.test_query" name="test_graphql_query[get]"/>
<testcase classname="tests.http.test_query" name="test_missing_query"><failure message="400"/></testcase>
<testcase classname="tests.http.test_query" name="{other}"><error message="no socket"/></testcase>
<testcase classname="tests.http.test_sse" name="test_later"><skipped message="later"/></testcase>
</testsuite></testsuites>"""


def reported(folder: Path, other: str) -> Outcomes:
    path = folder / "report.xml"
    path.write_text(REPORT.format(other=other))
    return dict(outcomes(path))


def test_outcomes_are_read_from_pytests_report(tmp_path: Path) -> None:
    assert reported(tmp_path, "test_root_value") == {
        "http/test_query::test_graphql_query[get]": ("passed", ""),
        "http/test_query::test_missing_query": ("failed", "400"),
        "http/test_query::test_root_value": ("failed", "no socket"),
        "http/test_sse::test_later": ("skipped", "later"),
    }


def test_a_failure_without_a_reason_is_counted_and_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert tell_views(reported(tmp_path, "test_root_value")) == 0
    assert "http/test_query: 1 of 3 pass" in capsys.readouterr().out
    assert tell_views(reported(tmp_path, "test_new")) == 1
    assert "without a reason: http/test_query::test_new\n    no socket" in capsys.readouterr().out


def test_a_test_that_ends_otherwise_when_compiled_is_counted_and_told(
    capsys: pytest.CaptureFixture[str],
) -> None:
    theirs: Outcomes = {"a": ("passed", ""), "b": ("failed", "x"), "c": ("passed", "")}
    assert tell_types(theirs, theirs) == 0
    assert tell_types(theirs, theirs | {"a": ("failed", "y"), "d": ("passed", "")}) == 2
    assert "a: passed, and compiled failed" in capsys.readouterr().out


def test_each_reason_is_in_the_documentation_and_none_is_for_a_test_that_is_not_named() -> None:
    page = (DOCS / "explanation/strawberry.md").read_text()
    for reason in REASONS:
        assert f"| {reason} |" in page
    assert reason_for("http/test_query::test_graphql_query[get]") is None


def test_a_checkout_is_copied_and_gets_watchwords_client(tmp_path: Path) -> None:
    checkout, copy = tmp_path / "checkout", tmp_path / "copy"
    for path in CHOOSING:
        (checkout / path).parent.mkdir(parents=True, exist_ok=True)
        (checkout / path).write_text("import pytest\n")
    copy.mkdir()
    prepare(checkout, copy)
    for path in CHOOSING:
        assert (checkout / path).read_text() == "import pytest\n"
        compile((copy / path).read_text(), path, "exec")
        assert "watchword_client.WatchwordClient" in (copy / path).read_text()
    assert (copy / "watchword_client.py").exists()
