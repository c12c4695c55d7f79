"""Logging: one line for each record, to stderr, with secrets hidden."""

from __future__ import annotations

import logging
import re
import sys

HIDDEN = "[hidden]"
# Secrets with a recognisable form: a JWT, and a private key.
_RECOGNISABLE = re.compile(
    r"eyJ[\w-]+\.[\w-]*\.?[\w-]*"
    r"|-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)",
    re.ASCII | re.DOTALL,
)
# Secrets that follow something recognisable: a scheme, the name of a cookie, of a JSON member or of an
# argument, or the user in a URL. A quoted value ends at its own kind of quote.
_AFTER_A_NAME = re.compile(
    r"(\b(?:bearer|dpop)\s+)[^\s'\",]+"
    r"|(\b__Host-watchword(?:-device)?=\"?)[^\s;'\"]+"
    r"|((?:password|refresh_token|device_token)(?:\\?['\"])?\s*[:=]\s*b?(?P<quote>\\?['\"]))"
    r"(?:(?!(?P=quote))(?:\\.|.))+"
    r"|((?:password|refresh_token|device_token)=)[^\s'\"\\&,;)]+"
    r"|(://[^\s/:@]*:)[^\s/@]+(?=@)",
    re.IGNORECASE | re.DOTALL,
)
# These loggers log each connection or statement at INFO; only their warnings are logged.
QUIET = (
    "uvicorn.access",
    "sqlalchemy.engine",
    # SQLAlchemy names a pool's logger after the module of its class, which is one of ours.
    "watchword.storage.database",
    "aiosqlite",
    "alembic",
    "websockets",
)


def redact(text: str) -> str:
    """Hide everything in a text that looks like a secret."""
    return _AFTER_A_NAME.sub(_hide, _RECOGNISABLE.sub(HIDDEN, text))


class RedactingFormatter(logging.Formatter):
    """Formats a record with its traceback, and hides everything that looks like a secret."""

    def format(self, record: logging.LogRecord) -> str:
        return redact(super().format(record))


def set_up(level: str, formatter: logging.Formatter | None = None) -> None:
    """Send all logs of this process to stderr, from this level up (for example "INFO").

    A `formatter` must hide secrets, as that for lines of text does, which is used without one.
    """
    handler = logging.StreamHandler(sys.stderr)
    text = RedactingFormatter("%(asctime)s %(levelname)s %(name)s: %(message)s")
    handler.setFormatter(formatter or text)
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    for name in QUIET:
        quiet = logging.getLogger(name)
        quiet.setLevel(logging.WARNING)
        # uvicorn stops its access logger from propagating when it is told to write no access log.
        quiet.propagate = True
    server = logging.getLogger("uvicorn.error")
    # At DEBUG, uvicorn logs WebSocket frames, which contain pieces of tokens that cannot be recognised.
    server.setLevel(max(root.level, logging.INFO))
    server.filters[:] = [_is_not_access_line]


def _is_not_access_line(record: logging.LogRecord) -> bool:
    # uvicorn logs each WebSocket with its URL, which is an access log.
    return (
        record.levelno > logging.INFO
        or not record.getMessage().startswith("connection ")
        and ('"WebSocket ' not in record.getMessage())
    )


def _hide(found: re.Match[str]) -> str:
    return next(group for group in found.groups() if group is not None) + HIDDEN
