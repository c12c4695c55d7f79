"""Logging: one line a record, to stderr, and never a token."""

from __future__ import annotations

import logging
import re
import sys

HIDDEN = "[hidden]"
# Secrets by their own looks: a JWT, and a private key.
_SEEN = re.compile(
    r"eyJ[\w-]+\.[\w-]*\.?[\w-]*"
    r"|-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)",
    re.ASCII | re.DOTALL,
)
# Secrets by what announces them: a scheme, a cookie, a member or an argument of that name, or the
# user in a URL. A quoted value ends at its own kind of quote.
_ANNOUNCED = re.compile(
    r"(\b(?:bearer|dpop)\s+)[^\s'\",]+"
    r"|(\b__Host-watchword(?:-device)?=\"?)[^\s;'\"]+"
    r"|((?:password|refresh_token|device_token)(?:\\?['\"])?\s*[:=]\s*b?(?P<quote>\\?['\"]))"
    r"(?:(?!(?P=quote))(?:\\.|.))+"
    r"|((?:password|refresh_token|device_token)=)[^\s'\"\\&,;)]+"
    r"|(://[^\s/:@]*:)[^\s/@]+(?=@)",
    re.IGNORECASE | re.DOTALL,
)
# These tell of each connection or statement; they speak only when something is wrong.
QUIET = (
    "uvicorn.access",
    "sqlalchemy.engine",
    # SQLAlchemy names a pool's logger after its class, which is ours.
    "watchword.storage.database",
    "aiosqlite",
    "alembic",
    "websockets",
)


def redact(text: str) -> str:
    """Return the text with everything that looks like a secret hidden."""
    return _ANNOUNCED.sub(_hide, _SEEN.sub(HIDDEN, text))


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
        quiet = logging.getLogger(name)
        quiet.setLevel(logging.WARNING)
        # uvicorn cuts one of them off when it is told to write no access log.
        quiet.propagate = True
    server = logging.getLogger("uvicorn.error")
    # At DEBUG it would show frames, and in them tokens cut into pieces.
    server.setLevel(max(root.level, logging.INFO))
    server.filters[:] = [_is_no_socket]


def _is_no_socket(record: logging.LogRecord) -> bool:
    # A line for each socket is an access log, and shows its URL.
    return (
        record.levelno > logging.INFO
        or not record.getMessage().startswith("connection ")
        and ('"WebSocket ' not in record.getMessage())
    )


def _hide(found: re.Match[str]) -> str:
    return next(group for group in found.groups() if group is not None) + HIDDEN
