"""SQL errors in a schema's own code: named, logged, and told apart from a database that is away."""

from __future__ import annotations

import logging

import pytest
from sqlalchemy.exc import ArgumentError, OperationalError

from watchword.errors import Unsafe
from watchword.storage.database import mark_unavailable
from watchword.storage.sql_mistakes import named


def test_the_sentence_has_the_first_line_of_the_databases_message(
    caplog: pytest.LogCaptureFixture,
) -> None:
    said = Exception("no such table: nests\nHINT: build one.")
    with pytest.raises(Unsafe) as raised, named("Domain.demo"):
        raise OperationalError("SELECT 1", {}, said)
    assert str(raised.value) == (
        "Domain.demo failed: no such table: nests. The traceback is in the log. Correct the cause,"
        " and start the server again."
    )
    [record] = caplog.records
    assert (record.levelno, record.getMessage()) == (logging.ERROR, "Domain.demo failed")
    assert record.exc_info is not None


def test_an_error_of_sqlalchemy_itself_is_named_too() -> None:
    said = r"^Domain.demo failed: no such argument\. The"
    with pytest.raises(Unsafe, match=said), named("Domain.demo"):
        raise ArgumentError("no such argument.")


def test_a_database_that_is_away_is_not_a_mistake(caplog: pytest.LogCaptureFixture) -> None:
    away = OperationalError("SELECT 1", {}, Exception("connection lost"))
    mark_unavailable(away)
    with pytest.raises(OperationalError), named("Domain.demo"):
        raise away
    assert not caplog.records
