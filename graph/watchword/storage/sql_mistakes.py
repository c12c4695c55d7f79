"""Reports SQL errors in a schema's own code at the start: its migrations and its demo data."""

from __future__ import annotations

import logging
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy.exc import SQLAlchemyError

from watchword.errors import Unsafe
from watchword.storage.database import is_unavailable

log = logging.getLogger("watchword.start")


@contextmanager
def named(part: str, folder: str | None = None) -> Iterator[None]:
    """Turn an SQL error of the block into an `Unsafe` that names `part`, and log the traceback.

    If a file in `folder` caused the error, the sentence names the file and the line too. An error that says
    that the database is unavailable is raised as it is.
    """
    try:
        yield
    except SQLAlchemyError as error:
        if is_unavailable(error):
            raise
        log.exception("%s failed", part)
        raise Unsafe(
            f"{part} failed{_place(error, folder)}: {_message(error)}. The traceback is in the log."
            " Correct the cause, and start the server again."
        ) from error


def _place(error: SQLAlchemyError, folder: str | None) -> str:
    if folder is None:
        return ""
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if Path(frame.filename).parent == Path(folder)]
    return f" in {Path(own[-1].filename).name}, line {own[-1].lineno}" if own else ""


def _message(error: SQLAlchemyError) -> str:
    return str(getattr(error, "orig", None) or error).partition("\n")[0].rstrip(".")
