"""What `Domain.context` returns is read and set as resolvers do that were written for a `context_getter`."""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property
from types import SimpleNamespace
from typing import Any

import pytest
from strawberry.fastapi import BaseContext

from tests.support.clock import MovedClock
from tests.support.principals import open_services
from watchword.asgi.views import ConnectionView, RequestView
from watchword.context import Context, Services
from watchword.formats.packed_json import PackedObject
from watchword.principal import ANONYMOUS, Grants, IdentityAsked, SharedPrincipal
from watchword.storage.database import Database


@pytest.fixture
async def services(database: Database, clock: MovedClock) -> Services:
    made, _ = await open_services(database, clock)
    return made


def with_extras(services: Services, extras: object) -> Context:
    domain = replace(services.domain, context=lambda context: extras)
    return Context(replace(services, domain=domain), ANONYMOUS, via=SCOPE)


SCOPE = {"type": "http", "method": "POST", "path": "/", "headers": [(b"x-shop", b"1")]}


async def test_items_are_those_of_a_dict_that_the_hook_returns(services: Services) -> None:
    context = with_extras(services, {"user": "ann", "nothing": None})
    assert context["user"] == context.get("user") == "ann"
    assert "user" in context
    assert "other" not in context
    got = [context.get("other"), context.get("other", 1), context.get("nothing", 1)]
    assert got == [None, 1, None]
    with pytest.raises(KeyError, match=r"has no 'other'\. Let Domain\.context return a dict"):
        context["other"]


async def test_the_request_is_an_item_unless_the_hook_returns_one_of_that_name(
    services: Services,
) -> None:
    for extras in (None, {}, object()):
        context = with_extras(services, extras)
        assert context["request"].headers["x-shop"] == "1"
        assert (context["connection_params"], "request" in context) == (None, True)
    assert with_extras(services, {"request": "its own"})["request"] == "its own"
    via = ConnectionView(SCOPE | {"type": "websocket"}, PackedObject({"app": "x"}))
    connected = Context(services, ANONYMOUS, via=via)
    assert connected["request"] is via
    assert connected["connection_params"] == {"app": "x"}


async def test_attributes_are_those_of_an_object_that_the_hook_returns_after_the_contexts_own(
    services: Services,
) -> None:
    context = with_extras(services, SimpleNamespace(user="ann", request="not this", _own=1))
    assert context.user == "ann"  # type: ignore[attr-defined]
    assert isinstance(context.request, RequestView)
    for name in ("other", "__deepcopy__"):
        assert not hasattr(context, name)
    with pytest.raises(AttributeError, match=r"no 'user'\. Let Domain\.context return an object"):
        assert Context(services, ANONYMOUS).user  # type: ignore[attr-defined]


class OwnContext(BaseContext):
    """As Strawberry's page about FastAPI has it."""

    @cached_property
    def user(self) -> str | None:
        return self.request.headers.get("x-shop") if self.request else None


async def test_a_class_of_base_context_reads_the_request_as_under_strawberrys_router(
    services: Services,
) -> None:
    assert with_extras(services, OwnContext()).user == "1"  # type: ignore[attr-defined]
    domain = replace(services.domain, context=lambda context: OwnContext())
    via = ConnectionView(SCOPE | {"type": "websocket"}, PackedObject({"app": "x"}))
    connected = Context(replace(services, domain=domain), ANONYMOUS, via=via)
    assert connected.extras.connection_params == {"app": "x"}
    assert isinstance(connected.extras, OwnContext)
    assert connected.user == "1"  # type: ignore[attr-defined]


async def test_an_object_for_several_contexts_sees_no_request(services: Services) -> None:
    shared = OwnContext()
    with_extras(services, shared).extras  # noqa: B018
    assert with_extras(services, shared).user is None  # type: ignore[attr-defined]


async def test_a_class_of_base_context_keeps_a_request_of_its_own(services: Services) -> None:
    class Own(BaseContext):
        request = "its own"  # type: ignore[assignment]

        def __init__(self) -> None: ...

    assert with_extras(services, Own()).extras.request == "its own"


async def test_only_reading_the_request_asks_for_the_identity(services: Services) -> None:
    domain = replace(services.domain, context=lambda context: OwnContext())
    shared = SharedPrincipal(Grants(), is_anonymous=False)
    context = Context(replace(services, domain=domain), shared, via=SCOPE)
    assert isinstance(context.extras, OwnContext)
    with pytest.raises(IdentityAsked):
        context.user  # type: ignore[attr-defined]  # noqa: B018


async def test_what_a_resolver_sets_is_kept_where_others_read_it(services: Services) -> None:
    booth = SimpleNamespace()
    context: Any = with_extras(services, booth)
    context._cache, context.user = {1}, "ann"
    assert (context._cache, context.user, booth.user) == ({1}, "ann", "ann")
    with pytest.raises(AttributeError, match="no setter"):
        context.principal = "another"
    with pytest.raises(TypeError, match="Let Domain.context return a dict"):
        context["user"] = "ann"
    of_items: Any = with_extras(services, {})
    of_items["user"] = "ann"
    assert of_items["user"] == "ann"
    nothing: Any = Context(services, ANONYMOUS)
    with pytest.raises(AttributeError):
        nothing.user = "ann"
    assert "user" not in nothing
    nothing["user"] = "ann"
    assert (nothing["user"], nothing.extras) == ("ann", {"user": "ann"})


async def test_an_attribute_error_of_the_hook_is_raised_as_it_is(services: Services) -> None:
    def hook(context: Context) -> object:
        raise AttributeError("the team's own fault")

    broken = Context(replace(services, domain=replace(services.domain, context=hook)), ANONYMOUS)
    for read in (lambda: broken.extras, lambda: broken.user, lambda: broken["user"]):  # type: ignore[attr-defined]
        with pytest.raises(AttributeError, match="the team's own fault"):
            read()


async def test_items_ask_for_the_identity_as_what_they_stand_for_does(services: Services) -> None:
    shared = Context(services, SharedPrincipal(Grants(), is_anonymous=False))
    for name in ("request", "connection_params"):
        with pytest.raises(IdentityAsked):
            shared[name]
