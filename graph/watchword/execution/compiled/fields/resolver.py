"""The way in which a field is resolved at one place: what generated text calls for its value."""

from __future__ import annotations

import inspect
import keyword
from collections.abc import Callable
from types import FunctionType
from typing import Any

from watchword.execution.compiled.compilation import Compilation
from watchword.execution.compiled.fields.arguments import FieldArguments
from watchword.execution.compiled.fields.decision import Decide, asked, decision
from watchword.execution.compiled.site import Site
from watchword.libraries.strawberry_fields import (
    Parameters,
    StrawberryField,
    Way,
    field_of,
    function_of,
    has_handlers,
    permissions_only,
    way_of,
)

# Strawberry passes arguments of these names to extensions beside its own of the same name.
_TAKEN = frozenset({"self", "next_", "source", "info", "_source"})


class Attribute:
    """A field that reads an attribute of its source."""

    def __init__(self, field: StrawberryField) -> None:
        self.read = field.default_resolver
        self.name = field.python_name

    @property
    def is_dotted(self) -> bool:
        """Tell whether `source.name` reads it."""
        return (
            self.read is getattr and self.name.isidentifier() and not keyword.iskeyword(self.name)
        )


class Call:
    """A field with a function that is called directly, once its permissions are decided.

    `attribute` is set in place of `function` for a field that has permissions and no resolver.
    """

    def __init__(
        self, common: Compilation, site: Site, field: StrawberryField, decide: Decide | None
    ) -> None:
        self.field = field
        self.decide = decide
        self.function = function_of(field) if field.base_resolver else None
        self.attribute = None if field.base_resolver else Attribute(field)
        self.parameters = Parameters(field) if field.base_resolver else None
        self.arguments = FieldArguments(common, site, field)
        self.is_async = self.function is not None and inspect.iscoroutinefunction(self.function)

    @property
    def positional(self) -> list[str]:
        """The names of the function's parameters after `self`, in order, if they may be given without a name."""
        function = self.function
        if not isinstance(function, FunctionType) or self.parameters is None:
            return []
        code, first = function.__code__, int(self.parameters.takes_self)
        if code.co_posonlyargcount > first:
            return []
        return list(code.co_varnames[first : code.co_argcount])


class Chain:
    """A field with a resolver that is called as graphql-core calls it."""

    def __init__(self, is_async: bool, is_ours: bool) -> None:
        """`is_ours` says that Strawberry made the resolver, which reads nothing of `info` by itself."""
        self.is_async = is_async
        self.is_ours = is_ours


class Wrapped:
    """A field with hooks around its resolver, which are called as graphql-core calls them.

    `inner` is what they are called around; None for graphql-core's default resolver.
    """

    def __init__(self, common: Compilation, site: Site) -> None:
        slow = site.definition.resolve
        self.inner = slow if slow is None else _inner(common, site, slow)


class Event:
    """The root field of a subscription: its value is the event."""


Resolver = Attribute | Call | Chain | Event | Wrapped


def resolver_of(common: Compilation, site: Site) -> Resolver:
    """Return how a field is resolved."""
    if common.is_wrapped:
        return Wrapped(common, site)
    return _resolver_of(common, site)


def _resolver_of(common: Compilation, site: Site) -> Resolver:
    way, field = way_of(site.definition), field_of(site.definition)
    if way is Way.EVENT:
        return Event()
    if way is Way.OTHER:
        return Chain(is_async=False, is_ours=False)
    if field is not None and way is Way.ATTRIBUTE:
        return Attribute(field)
    is_async = way is Way.CALL_LATER
    called = None if field is None else _call(common, site, field, is_async)
    return called or Chain(is_async, is_ours=True)


def _inner(common: Compilation, site: Site, slow: Callable[..., Any]) -> Callable[..., Any]:
    """Return what does the same as Strawberry's resolver, with less work where there is nothing to decide or to convert."""
    match _resolver_of(common, site):
        case Attribute(read=read, name=name):
            return lambda source, *_args, **_arguments: read(source, name)
        case Call(decide=None, is_async=False, function=FunctionType() as function) as call:
            takes = call.parameters
            if site.definition.args or takes is None or takes.info or takes.parents:
                return slow
            if takes.takes_self:
                return lambda source, info, **more: (
                    slow(source, info, **more) if more else function(source)
                )
            return lambda source, info, **more: slow(source, info, **more) if more else function()
    return slow


def _call(common: Compilation, site: Site, field: StrawberryField, is_async: bool) -> Call | None:
    extensions = permissions_only(field)
    if extensions is None or has_handlers(common.schema):
        return None
    if field.base_resolver is not None and function_of(field) is None:
        return None
    names: Any = {each.python_name for each in field.arguments}
    if field.base_resolver is not None:
        names |= Parameters(field).parents
    if extensions and not names.isdisjoint(_TAKEN):
        return None
    permissions = asked(extensions, site.nodes[0])
    decide = decision(permissions, is_async, common, site) if permissions else None
    if permissions and decide is None:
        return None
    call = Call(common, site, field, decide)
    # graphql-core reads arguments before it starts a coroutine: an error in them must not come later.
    if is_async and call.arguments.each is not None:
        return None
    return call if call.is_async == is_async else None
