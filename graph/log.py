"""Logging: one line a record, to stderr, and never a token."""

from __future__ import annotations

import logging
import re
import sys

HIDDEN = "[hidden]"
# A JWT in any place, and whatever follows a scheme or a name that announces a secret.
_SECRETS = re.compile(
    r"eyJ[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*\.?[A-Za-z0-9_-]*"
    r"|(?<=bearer )[^\s'\",]+"
    r"|(?<=dpop )[^\s'\",]+"
    r"|(?<=__Host-watchword=)[^\s;'\"]+"
    r"|(?<=refresh_token\": \")[^\"]+|(?<=refresh_token\":\")[^\"]+|(?<=refresh_token': ')[^']+"
    r"|(?<=password\": \")[^\"]+|(?<=password\":\")[^\"]+|(?<=password': ')[^']+",
    re.IGNORECASE,
)
# These tell of each connection or statement; they speak only when something is wrong.
QUIET = ("uvicorn.access", "sqlalchemy.engine", "aiosqlite", "alembic", "websockets")


def redact(text: str) -> str:
    """Return the text with everything that looks like a secret hidden."""
    return _SECRETS.sub(HIDDEN, text)


class RedactingFormatter(logging.Formatter):
    """Formats a record, its trace included, and hides what looks like a secret."""

    def format(self, record: logging.LogRecord) -> str:
        return redact(super().format(record))


def set_up(level: str) -> None:
    """Send all logs of this process to stderr at a level, for example "INFO"."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(RedactingFormatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    for name in QUIET:
        logging.getLogger(name).setLevel(logging.WARNING)
