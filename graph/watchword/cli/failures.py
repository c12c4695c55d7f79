"""Explains failures of the database and of files to an operator: one sentence without secrets."""

from __future__ import annotations

from sqlalchemy.exc import DBAPIError

FAILURES = (DBAPIError, OSError)
# PostgreSQL: undefined_table and undefined_column. SQLite has only messages.
UNMIGRATED_STATES = {"42P01", "42703"}
UNMIGRATED_WORDS = ("no such table", "no such column", "has no column named")


def explain(error: Exception) -> str:
    """Return what is wrong with the database or a file, and what to do about it."""
    if isinstance(error, OSError) and error.filename:
        return f"{error.filename} cannot be used: {error.strerror}."
    # The other OSErrors have no file: they come from a database server that cannot be reached.
    cause = getattr(error, "orig", None) or error
    # A TimeoutError has no message.
    said = str(cause).partition("\n")[0] or "it does not answer in time"
    if getattr(cause, "sqlstate", None) in UNMIGRATED_STATES or _is_unmigrated(said):
        return "The database is not migrated: start the server once, which does it."
    if said == "unable to open database file":
        return (
            "The database file cannot be opened: start the server once,"
            " or check WATCHWORD_HOME and WATCHWORD_DATABASE_URL."
        )
    return (
        f"The database cannot be used ({said}): check WATCHWORD_DATABASE_URL,"
        " and run `watchword doctor`."
    )


def _is_unmigrated(text: str) -> bool:
    return any(words in text for words in UNMIGRATED_WORDS)
