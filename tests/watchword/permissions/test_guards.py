"""The permissions of a subscription are asked again before each event, in the context of that event."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
import strawberry
from strawberry.permission import BasePermission, PermissionExtension

from tests.support import toy_schema
from tests.support.toy_server import principal
from watchword.context import Context, Services
from watchword.domain import Domain
from watchword.errors import Forbidden, Unauthenticated, Unsafe
from watchword.execution.engine import Engine
from watchword.execution.limits import Limits
from watchword.libraries.strawberry_parts import definition, permission_extensions
from watchword.permissions.coverage import cover
from watchword.permissions.field import HasRole, Public
from watchword.permissions.guards import (
    pass_by_grants,
    permissions_of,
    recheck,
    record_questions,
)
from watchword.principal import ANONYMOUS

LIMITS = Limits(1000, 10, 10, 1000)


class Quiet(BasePermission):
    """Refuses without an error, from the second question on."""

    asked: list[str]

    def has_permission(self, source: Any, info: Any, **arguments: Any) -> bool:
        self.asked.append(f"{info.context.principal.subject}: {arguments}")
        return len(self.asked) < 2

    def on_unauthorized(self) -> None:
        pass


@strawberry.type
class Subscription:
    @strawberry.subscription(permission_classes=[HasRole("keeper")])
    async def kept(self) -> AsyncIterator[int]:
        yield 1

    @strawberry.subscription(permission_classes=[Quiet])
    async def quiet(self, of: int) -> AsyncIterator[int]:
        yield 1


def context(services: Services, who: str = "") -> Context:
    found = principal(who, services.clock.now()) if who else ANONYMOUS
    made = Context(services, found)
    made.guards = []
    return made


async def opened(services: Services, text: str, who: str) -> Context:
    """Open a subscription; return its context, with the guards that let it open."""
    engine = Engine(strawberry.Schema(toy_schema.Query, None, Subscription), LIMITS, 10)
    made = context(services, who)
    await (await engine.subscribe(engine.plan(text, None), None, made)).close()
    return made


async def test_an_event_is_refused_to_a_principal_that_lost_its_role(services: Services) -> None:
    guards = (await opened(services, "subscription { kept }", "alice+keeper")).guards
    assert guards
    await recheck(guards, context(services, "alice+keeper"))
    with pytest.raises(Forbidden):
        await recheck(guards, context(services, "alice"))
    with pytest.raises(Unauthenticated):
        await recheck(guards, context(services))


async def test_grants_alone_let_an_event_pass_and_refuse_none(services: Services) -> None:
    guards = (await opened(services, "subscription { kept }", "alice+keeper")).guards
    assert guards
    assert pass_by_grants(guards, context(services, "alice+keeper").principal)
    # Refused, or not known: both are left to `recheck`.
    assert not pass_by_grants(guards, context(services, "alice").principal)
    assert not pass_by_grants(guards, ANONYMOUS)


async def test_grants_alone_do_not_answer_for_permissions_that_read_more(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Quiet, "asked", [], raising=False)
    guards = (await opened(services, "subscription { quiet(of: 7) }", "alice")).guards
    assert guards
    assert not pass_by_grants(guards, context(services, "alice").principal)
    assert len(Quiet.asked) == 1


async def test_an_extension_of_others_is_always_asked(services: Services) -> None:
    class Stricter(PermissionExtension):
        pass

    [guard] = (await opened(services, "subscription { kept }", "alice+keeper")).guards or []
    guard.extension = Stricter(guard.extension.permissions)
    assert not pass_by_grants([guard], context(services, "alice+keeper").principal)


async def test_a_permission_that_refuses_without_an_error_refuses_all_the_same(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Quiet, "asked", [], raising=False)
    guards = (await opened(services, "subscription { quiet(of: 7) }", "alice")).guards
    assert guards
    with pytest.raises(Forbidden, match="any more"):
        await recheck(guards, context(services, "bob"))
    assert Quiet.asked == ["alice: {'of': 7}", "bob: {'of': 7}"]


def test_watching_twice_records_once() -> None:
    schema = strawberry.Schema(toy_schema.Query, None, Subscription)
    record_questions(schema)
    record_questions(schema)
    root = definition(schema).subscription_type
    assert root is not None
    [extension] = permission_extensions(root.fields["kept"])
    assert len(extension.permissions) == 2
    assert len(permissions_of(root.fields["kept"])) == 1


def test_a_recorder_before_no_permission_covers_nothing() -> None:
    @strawberry.type
    class Subscription:
        @strawberry.subscription(extensions=[PermissionExtension(permissions=[])])
        async def missed(self) -> AsyncIterator[int]:
            yield 1

    schema = strawberry.Schema(toy_schema.Query, None, Subscription)
    record_questions(schema)
    with pytest.raises(Unsafe, match=r"^Subscription\.missed:"):
        cover(schema, Domain())


def test_a_subscription_that_fails_silently_is_refused_by_name() -> None:
    @strawberry.type
    class Subscription:
        @strawberry.subscription(
            extensions=[PermissionExtension(permissions=[Public()], fail_silently=True)]
        )
        async def quiet(self) -> AsyncIterator[list[int]]:
            yield [1]

    schema = strawberry.Schema(toy_schema.Query, None, Subscription)
    with pytest.raises(Unsafe, match=r"^Subscription\.quiet: .*Remove fail_silently=True from its"):
        record_questions(schema)
    # The advice can be followed.
    root = definition(schema).subscription_type
    assert root is not None
    [extension] = permission_extensions(root.fields["quiet"])
    extension.fail_silently = False
    record_questions(schema)
