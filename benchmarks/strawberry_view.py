"""Strawberry's own FastAPI router, as its documentation sets it up, with PyJWT on each request."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from typing import Any

import jwt
from fastapi import FastAPI
from starlette.requests import HTTPConnection
from strawberry.exceptions import ConnectionRejectionError
from strawberry.fastapi import GraphQLRouter
from strawberry.permission import BasePermission
from strawberry.subscriptions import GRAPHQL_TRANSPORT_WS_PROTOCOL

queues: set[asyncio.Queue[int]] = set()


class signed_in(BasePermission):
    message = "Sign in first."

    def has_permission(self, source: Any, info: Any, **arguments: Any) -> bool:
        return info.context["claims"] is not None


class sees_internal(BasePermission):
    message = "This needs scope incidents:internal."

    def has_permission(self, source: Any, info: Any, **arguments: Any) -> bool:
        claims = info.context["claims"]
        return claims is not None and "incidents:internal" in claims["scope"].split()


def subject(info: Any) -> str:
    return str(info.context["claims"]["sub"])


async def follow(info: Any) -> AsyncIterator[int]:
    queue: asyncio.Queue[int] = asyncio.Queue()
    queues.add(queue)
    try:
        while True:
            yield await queue.get()
    finally:
        queues.discard(queue)


async def publish(info: Any, number: int) -> None:
    for queue in queues:
        queue.put_nowait(number)


def verified(authorization: str | None) -> dict[str, Any] | None:
    if not authorization:
        return None
    try:
        return jwt.decode(
            authorization.removeprefix("Bearer "),
            os.environ["BENCH_PUBLIC_KEY"],
            algorithms=["ES256"],
            audience=os.environ["WATCHWORD_AUDIENCE"],
            issuer=os.environ["WATCHWORD_ISSUER"],
        )
    except jwt.PyJWTError:
        return None


async def context(connection: HTTPConnection) -> dict[str, Any]:
    return {"claims": verified(connection.headers.get("authorization"))}


class Router(GraphQLRouter):  # type: ignore[type-arg]
    async def on_ws_connect(self, context: Any) -> Any:
        given = context.get("connection_params") or {}
        context["claims"] = verified(given.get("authorization"))
        if context["claims"] is None:
            raise ConnectionRejectionError
        return await super().on_ws_connect(context)


def app(schema: Any) -> FastAPI:
    made = FastAPI()
    router = Router(
        schema,
        path="/graphql",
        context_getter=context,
        subscription_protocols=[GRAPHQL_TRANSPORT_WS_PROTOCOL],
    )
    made.include_router(router)
    return made
