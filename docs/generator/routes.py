"""The page of routes: those of an app that is built as the server builds it, without starting it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from starlette.routing import BaseRoute, Route

from docs.generator import markdown
from docs.generator.markdown import code, doc, table
from watchword.app import create_app
from watchword.config.settings import Settings
from watchword.domain import load

ABOUT = """\
Every route of the server. Bodies are JSON, except those of `/oauth/token`, `/oauth/revoke` and `/oauth/introspect`,
which are forms (RFC 6749). Refusals are in [errors](errors.md). A path may end with a slash."""
GRAPHQL = [
    ("POST", "a query or a mutation, by GraphQL over HTTP"),
    ("GET", "a query in the URL"),
    ("GET, `Accept: text/html`", "GraphiQL, where `WATCHWORD_EXPLORER` is on"),
    (
        "POST or GET, `Accept: text/event-stream`",
        "one operation as server-sent events, of which a subscription may have many",
    ),
    ("POST, `Accept: multipart/mixed`", "a subscription as a multipart response"),
    (
        "WebSocket",
        "the subprotocol `graphql-transport-ws`; see [close codes](errors.md#close-codes)",
    ),
]


def page() -> str:
    """Return the page."""
    settings = Settings(_env_file=None)
    app = create_app(settings, load(settings.mount))
    rows = sorted(_rows(app.routes), key=lambda row: row[1])
    return markdown.page(
        "Routes",
        ABOUT,
        table(["method", "path", "what it is"], rows),
        "## /graphql",
        table(["request", "what it is"], GRAPHQL),
    )


def _rows(routes: Iterable[BaseRoute]) -> Iterator[list[str]]:
    for route in routes:
        if included := getattr(route, "original_router", None):
            yield from _rows(included.routes)
        elif isinstance(route, Route) and route.path != "/graphql":
            methods = ", ".join(sorted(route.methods or ()))
            yield [methods, code(route.path), doc(route.endpoint)]
