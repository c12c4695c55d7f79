"""Opens a subscription that its caller's grants allow, without graphql-core.

A client that subscribes costs as much as one that connects, and half of that was graphql-core's and Strawberry's way to
call the resolver. Where grants do not decide, or refuse, graphql-core opens the subscription, and makes the error.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import Any

from graphql import GraphQLObjectType
from graphql.execution import Executor

from watchword.context import Guard
from watchword.execution.compiled.compilation import Compilation
from watchword.execution.compiled.fields.arguments import FieldArguments
from watchword.execution.compiled.fields.decision import asked
from watchword.execution.compiled.info import RawInfo
from watchword.execution.compiled.run import Run
from watchword.execution.compiled.site import Site
from watchword.libraries.strawberry_fields import (
    Parameters,
    StrawberryField,
    Way,
    field_of,
    generator_of,
    info_of,
    opening_way_of,
    permissions_only,
)
from watchword.permissions.field import rule_of
from watchword.permissions.grants import decider, reads_grants_only
from watchword.permissions.guards import is_recorder
from watchword.permissions.observed import Observed
from watchword.permissions.verdict import ALLOWED

Decide = Callable[[Any], Any]


class Opened:
    """What the events of an open subscription have in common: its coerced variables, the context in which it was opened,
    and graphql-core's executor, which is made only if an event needs it."""

    __slots__ = ("_build", "_executor", "context", "values")

    def __init__(
        self, values: dict[str, Any], context: Any, build: Callable[[], Executor[Any]]
    ) -> None:
        self.values = values
        self.context = context
        self._build = build
        self._executor: Executor[Any] | None = None

    @property
    def executor(self) -> Executor[Any]:
        """graphql-core's executor of the subscription."""
        if self._executor is None:
            self._executor = self._build()
        return self._executor


class Opening:
    """The call of a subscription's resolver, an async generator of which nothing runs before its first event is asked for."""

    def __init__(
        self,
        common: Compilation,
        site: Site,
        field: StrawberryField,
        generator: Callable[..., AsyncIterator[Any]],
        deciders: list[tuple[Any, Decide | None]],
    ) -> None:
        """`deciders` are the extensions with what decides their permissions, in order; None for a recorder."""
        self._site = site
        self._field = field
        self._info_class = common.schema.config.info_class
        self._generator = generator
        self._deciders = deciders
        self._arguments = FieldArguments(common, site, field)
        self._parameters = Parameters(field)

    @property
    def has_simple_arguments(self) -> bool:
        """Whether the arguments are constants, or variables that reach the resolver as they are."""
        return self._arguments.each is None

    def open(self, opened: Opened) -> AsyncIterator[Any] | None:
        """Return the events; None if graphql-core has to open the subscription. Nothing has run then."""
        context = opened.context
        run = Run({}, context, opened.values, None, lambda _run: opened.executor)
        once, parameters = self._arguments.once, self._parameters
        arguments = self._arguments.constants if once is None else once(run)
        assert arguments is not None, "they are constants, or made once"
        info = info_of(self._info_class, RawInfo(run, self._site, ()), self._field)
        principal, guards = context.principal, []
        for extension, decide in self._deciders:
            if decide is None:
                guards.append(Guard(extension, None, info, arguments))
            elif decide(principal) is not ALLOWED:
                return None
        if context.guards is not None:
            context.guards += guards
        source = (None,) if parameters.takes_self else ()
        own = {} if parameters.info is None else {parameters.info: info}
        return self._generator(*source, **arguments, **own)


def opening_of(common: Compilation, kind: GraphQLObjectType) -> Opening | None:
    """Return how an operation's subscription is opened; None if graphql-core always opens it."""
    [site] = common.root_fields(kind)
    field = field_of(site.definition)
    if field is None or opening_way_of(site.definition) is not Way.CALL_LATER:
        return None
    generator, extensions = generator_of(field), permissions_only(field)
    if generator is None or extensions is None or Parameters(field).parents:
        return None
    deciders = [
        (extension, None if is_recorder(each) else _decider(each))
        for extension, each in asked(extensions, site.nodes[0])
    ]
    opening = Opening(common, site, field, generator, deciders)
    return opening if opening.has_simple_arguments else None


def _decider(permission: Any) -> Decide:
    """Return what decides a permission by grants. Anything but `ALLOWED` leaves it to graphql-core."""
    rule = rule_of(permission)
    # What an observed rule would have refused is counted where it is asked.
    if rule is None or isinstance(rule, Observed) or not reads_grants_only(rule):
        return lambda _principal: None
    return decider(rule)
