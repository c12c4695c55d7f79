"""An engine with extensions around a small schema, which a test asks as a transport does."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Any

import strawberry
from strawberry.extensions import (
    SchemaExtension,
)

from watchword.context import Context, Info, Services
from watchword.execution.engine import Engine
from watchword.execution.limits import Limits
from watchword.permissions.field import Public
from watchword.principal import ANONYMOUS

LIMITS = Limits(1000, 10, 10, 1000, characters=20_000)


@strawberry.type
class Query:
    @strawberry.field(permission_classes=[Public])
    def twice(self, number: int = 1) -> int:
        return 2 * number

    @strawberry.field(permission_classes=[Public])
    def crash(self) -> int | None:
        raise RuntimeError("a secret")

    @strawberry.field(permission_classes=[Public])
    def swallow(self, info: Info) -> str:
        try:
            return info.context.principal.subject
        except Exception:
            return "nobody"


@strawberry.type
class Mutation:
    @strawberry.mutation(permission_classes=[Public])
    def save(self) -> bool:
        return True


@strawberry.type
class Subscription:
    @strawberry.subscription(permission_classes=[Public])
    async def numbers(self, info: Info) -> AsyncIterator[int]:
        yield 1


class Asking:
    """An engine with extensions, which is asked as a transport asks it."""

    def __init__(self, services: Services, *extensions: Any) -> None:
        schema = strawberry.Schema(Query, Mutation, Subscription, extensions=extensions)
        self.engine = Engine(schema, LIMITS, 10)
        self._services = services

    async def __call__(self, query: str, variables: Any = None, **options: Any) -> Any:
        principal = options.pop("principal", ANONYMOUS)
        plan = self.engine.plan(query, None)
        context = Context(self._services, principal)
        return await self.engine.execute(plan, variables, context, **options)


def hook(name: str, act: Any) -> type[SchemaExtension]:
    """Make an extension whose hook does something before its step."""

    def run(self: SchemaExtension) -> Iterator[None]:
        act(self.execution_context)
        yield

    return type("Hooked", (SchemaExtension,), {name: run})
