"""Where apps are mounted: the undocumented route by which FastAPI keeps a router that was included."""

from __future__ import annotations

from collections.abc import Iterator


def mounted(app: object, path: str = "") -> Iterator[tuple[str, object]]:
    """Yield each app that is mounted below the routes of a FastAPI or Starlette app, however deep, with its path."""
    for route in getattr(app, "routes", None) or ():
        if (router := getattr(route, "original_router", None)) is not None:
            yield from mounted(router, path + route.include_context.prefix)
        elif (inner := getattr(route, "app", None)) is not None:
            here = path + getattr(route, "path", "")
            yield here, inner
            yield from mounted(inner, here)
