"""A failure of the database or of a file becomes one sentence that says what to do."""

from __future__ import annotations

import sqlite3

import pytest
from sqlalchemy.exc import DBAPIError, OperationalError

from watchword.cli.failures import explain


class _PostgresError(Exception):
    """An error as asyncpg raises it, with the SQLSTATE of undefined_table."""

    sqlstate = "42P01"


def test_a_database_file_that_cannot_be_opened_names_the_settings_that_say_where_it_is() -> None:
    assert explain(sqlite3.OperationalError("unable to open database file")) == (
        "The database file cannot be opened: start the server once,"
        " or check WATCHWORD_HOME and WATCHWORD_DATABASE_URL."
    )


def test_a_server_that_does_not_answer_is_told_in_words() -> None:
    assert explain(TimeoutError()).startswith(
        "The database cannot be used (it does not answer in time): check"
    )


def test_a_file_that_cannot_be_used_is_named() -> None:
    error = PermissionError(13, "Permission denied", "/var/lib/watchword.db")
    assert explain(error) == "/var/lib/watchword.db cannot be used: Permission denied."


@pytest.mark.parametrize(
    "error",
    [
        OperationalError("SELECT 1", {}, sqlite3.OperationalError("no such table: clients")),
        OperationalError("SELECT 1", {}, sqlite3.OperationalError("no such column: clients.id")),
        DBAPIError("SELECT 1", {}, _PostgresError('relation "clients" does not exist')),
    ],
)
def test_a_database_that_is_not_migrated_is_told_apart(error: DBAPIError) -> None:
    assert explain(error) == "The database is not migrated: start the server once, which does it."


def test_only_the_first_line_of_an_error_is_shown() -> None:
    told = explain(OSError("connection refused\nuser=admin password=hunter2"))
    assert "(connection refused)" in told
    assert "hunter2" not in told
