"""docker-compose.yml as Compose reads it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import yaml  # type: ignore[import-untyped]

from tests.support.server import PASSWORD
from tests.support.vault import ENCRYPTION_KEY

FILE = Path(__file__).parents[2] / "docker-compose.yml"
GIVEN = {
    "POSTGRES_PASSWORD": "letters0and0digits",
    "ADMIN_PASSWORD": PASSWORD,
    "ENCRYPTION_KEYS": ENCRYPTION_KEY,
}

# ${NAME}, ${NAME:-default}, ${NAME:?message} and ${NAME:+then}, where `then` may hold a variable.
_VARIABLE = re.compile(
    r"\$\$|\$\{(?P<name>\w+)"
    r"(?::-(?P<default>[^}]*)|:\?[^}]*|:\+(?P<then>(?:[^{}]|\{[^}]*\})*))?\}"
)


def compose(**more: str) -> dict[str, Any]:
    """The file as Compose reads it: variables filled in, $$ for a dollar sign."""
    content: dict[str, Any] = yaml.safe_load(_fill(FILE.read_text(), GIVEN | more))
    return content


def _fill(text: str, given: dict[str, str]) -> str:
    def value(match: re.Match[str]) -> str:
        if match[0] == "$$":
            return "$"
        default = match["default"]
        if match["then"] is not None:
            return _fill(match["then"], given) if match["name"] in given else ""
        return given.get(match["name"]) or (default if default is not None else "")

    return _VARIABLE.sub(value, text)
