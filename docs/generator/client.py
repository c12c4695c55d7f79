"""The page of the client for Python: each name of `watchword.client`."""

from __future__ import annotations

from collections.abc import Iterator

import watchword.client
from docs.generator import api, markdown

ABOUT = """\
`pip install 'watchword[client]'`, and `from watchword.client import …`. How it is used: [follow live data from
Python](../how-to/python.md), [give a service access](../how-to/services.md). Times are in seconds. `Person`, `Service` and `Public`
are a `Session`."""


def page() -> str:
    """Return the page. Raises `LookupError` for a name that says nothing of itself."""
    parts = (part for name in watchword.client.__all__ for part in _class(name))
    return markdown.page("Client for Python", ABOUT, *parts)


def _class(name: str) -> Iterator[str]:
    yield f"## {name}"
    yield from api.class_of(name, getattr(watchword.client, name))
