"""Exactly one slash is removed from the end of a path, before anything else reads the path."""

from __future__ import annotations

from typing import Any

import pytest

from watchword.transports.middleware.trailing_slash import TrailingSlash


async def passed_on(scope: Any) -> Any:
    seen: list[Any] = []

    async def app(scope: Any, _receive: Any, _send: Any) -> None:
        seen.append(scope)

    async def nothing(*_: Any) -> Any:
        raise AssertionError("nothing is read or said")

    await TrailingSlash(app)(scope, nothing, nothing)
    return seen[0]


@pytest.mark.parametrize("kind", ["http", "websocket"])
@pytest.mark.parametrize(
    ("root", "path", "expected"),
    [
        ("", "/graphql", "/graphql"),
        ("", "/graphql/", "/graphql"),
        ("", "/graphql//", "/graphql/"),
        ("", "/", "/"),
        ("/api", "/api/graphql/", "/api/graphql"),
        ("/api", "/api/", "/api/"),
        ("/api", "/apis/", "/apis"),
    ],
)
async def test_one_slash_is_taken_off_and_never_that_of_the_root(
    kind: str, root: str, path: str, expected: str
) -> None:
    sent = {"type": kind, "path": path, "raw_path": path.encode(), "root_path": root}
    scope = await passed_on(dict(sent))
    assert scope == sent | {"path": expected}


async def test_a_lifespan_has_no_path() -> None:
    assert await passed_on({"type": "lifespan"}) == {"type": "lifespan"}
