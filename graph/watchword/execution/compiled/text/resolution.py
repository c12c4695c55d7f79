"""Writes how a field's value comes about: an attribute, a call of the resolver, or graphql-core's own call."""

from __future__ import annotations

from typing import Protocol

from watchword.execution.compiled.compilation import Compilation
from watchword.execution.compiled.fields.arguments import given_values
from watchword.execution.compiled.fields.checks import Awaiter
from watchword.execution.compiled.fields.decision import Decide, Denial
from watchword.execution.compiled.fields.resolver import (
    Attribute,
    Call,
    Chain,
    Event,
    Wrapped,
    resolver_of,
)
from watchword.execution.compiled.info import RawInfo
from watchword.execution.compiled.site import Site
from watchword.execution.compiled.text.scope import Scope, Slot, value_of
from watchword.execution.compiled.text.unit import QUICK, Function, Unit


class Writer(Protocol):
    """What writes the functions that the lines of this module belong to."""

    common: Compilation
    unit: Unit

    def awaiter(self, site: Site) -> Awaiter:
        """Return a coroutine function that completes an awaitable value of a field."""

    def write_awaited(self, function: Function, site: Site, *lines: str) -> None:
        """Write the body of a coroutine function that sets `v` in its first lines."""


def write_call(
    writer: Writer, scope: Scope, site: Site, source: str, variable: str, slot: Slot
) -> bool:
    """Write lines that set `variable` to a field's value.

    Returns False if the value is not there yet: then a coroutine that completes it is noted in the slot.
    """
    resolver = resolver_of(writer.common, site)
    function, mark = scope.function, scope.mark(site)
    match resolver:
        case Wrapped():
            function.line(f"{variable} = {_wrapped(writer, scope, site, resolver, source)}", mark)
        case Event():
            function.line(f"{variable} = {source}", mark)
        case Attribute():
            function.line(f"{variable} = {_read(writer, resolver, source)}", mark)
        case Call(is_async=True):
            _write_later(writer, scope, site, resolver, source, slot)
            return False
        case Call():
            for line in _called(writer, site, resolver, source, variable, scope.indexes, scope):
                function.line(line, mark)
        case Chain():
            function.line(f"{variable} = {_chained(writer, site, source, scope.indexes)}", mark)
            if resolver.is_async:
                name = writer.unit.constant("A", writer.awaiter(site))
                pending = f"{name}({variable}, X, {scope.indexes})"
                function.line(f"{slot.waiting} = N({slot.waiting}, {slot.key}, {pending})")
                function.line(f"{variable} = None")
                return False
    return True


def _read(writer: Writer, attribute: Attribute, source: str) -> str:
    if attribute.is_dotted:
        return f"{source}.{attribute.name}"
    return f"{writer.unit.constant('D', attribute.read)}({source}, {attribute.name!r})"


def _chained(writer: Writer, site: Site, source: str, indexes: str) -> str:
    """Return a call of the field's own resolver, as graphql-core calls it."""
    unit, resolve = writer.unit, site.definition.resolve
    resolver = resolver_of(writer.common, site)
    where = unit.constant("S", site)
    if isinstance(resolver, Chain) and not resolver.is_ours:
        # Such a resolver may look at what it is given, so it gets graphql-core's own info.
        info = f"X.raw_info({where}, {indexes})"
    else:
        unit.names["RAW"] = RawInfo
        info = f"RAW(X, {where}, {indexes})"
    given = given_values(writer.common, site)
    arguments = "" if given is None else f", **{unit.constant('B', given)}(X)"
    name = "X.executor.field_resolver" if resolve is None else unit.constant("R", resolve)
    return f"{name}({source}, {info}{arguments})"


def _wrapped(writer: Writer, scope: Scope, site: Site, field: Wrapped, source: str) -> str:
    """Return a call of the field's resolver with the hooks around it, and with graphql-core's own info."""
    unit = writer.unit
    is_default = field.inner is None
    inner = "X.executor.field_resolver" if is_default else unit.constant("R", field.inner)
    name = scope.function.decide(f"h{site.number}", f"X.wrap({inner})")
    info = f"X.raw_info({unit.constant('S', site)}, {scope.indexes})"
    given = given_values(writer.common, site)
    arguments = "" if given is None else f", **{unit.constant('B', given)}(X)"
    return f"{name}({source}, {info}{arguments})"


def _called(
    writer: Writer,
    site: Site,
    call: Call,
    source: str,
    variable: str,
    indexes: str,
    scope: Scope,
    wait: str = "",
) -> list[str]:
    """Return lines that call a resolver if the field is open to the caller. `wait` is `await ` or nothing."""
    before, direct = _direct(writer, site, call, source, indexes)
    if call.attribute is not None:
        direct = _read(writer, call.attribute, source)
    lines = [f"{variable} = {wait}{direct}"]
    if call.decide is None:
        return [*before, *lines]
    name = _decided(writer, scope, site, call.decide)
    # A list has many places: a local variable is tested faster than what it holds is compared.
    is_open = scope.function.decide(f"o{site.number}", f"{name} is True")
    chained = _chained(writer, site, source, indexes)
    place = writer.unit.constant("M", scope.mark(site))
    if call.arguments.each is not None:
        # An argument that cannot be converted is an error before the permissions are.
        asked = [f"if {is_open}: {before[0]}; {lines[0]}"]
        return [*asked, f"else: {variable} = {wait}{chained}"]
    return [
        *before,
        f"if {is_open}: {lines[0]}",
        f"elif {name} is None: {variable} = {wait}{chained}",
        # A list has many places: a test costs less than a call.
        f"elif {name}.is_told: {variable} = None",
        f"else: {variable} = {name}.refuse({place}, {indexes})",
    ]


def _direct(
    writer: Writer, site: Site, call: Call, source: str, indexes: str
) -> tuple[list[str], str]:
    """Return a line that makes the arguments, if that is needed, and the call of the function."""
    if call.parameters is None:
        return [], ""
    unit, arguments = writer.unit, call.arguments
    before, given = [], [source] if call.parameters.takes_self else []
    named = _named(writer, site, call, source, indexes)
    if arguments.constants is None:
        made, once = f"a{site.number}", arguments.once
        name = unit.constant("B", once or arguments.each)
        before = [f"{made} = {name}(X)" if once else f"{made} = {name}(X, {indexes})"]
        unpacked = [f"**{made}"]
    elif arguments.are_keywords:
        unpacked = []
    else:
        unpacked = [f"**{unit.constant('AN', arguments.constants)}"]
    # Python calls a function faster with positional arguments.
    for name in call.positional:
        if name not in named:
            break
        given.append(named.pop(name))
    given += [*unpacked, *(f"{name}={each}" for name, each in named.items())]
    return before, f"{unit.constant('FN', call.function)}({', '.join(given)})"


def _named(writer: Writer, site: Site, call: Call, source: str, indexes: str) -> dict[str, str]:
    """Return what a function is called with by name: constants, the source, `info`."""
    assert call.parameters is not None, "the field has a function"
    unit, parameters, arguments = writer.unit, call.parameters, call.arguments
    named = dict.fromkeys(parameters.parents, source)
    if arguments.constants is not None and arguments.are_keywords:
        named |= {name: _constant(writer, each) for name, each in arguments.constants.items()}
    if parameters.info is not None:
        unit.names["INFO"] = writer.common.make_info
        where, field = unit.constant("S", site), unit.constant("S", call.field)
        named[parameters.info] = f"INFO(X, {where}, {indexes}, {field})"
    return named


def _constant(writer: Writer, value: object) -> str:
    if value is None or value is True or value is False:
        return repr(value)
    return writer.unit.constant("CN", value)


def _write_later(
    writer: Writer, scope: Scope, site: Site, call: Call, source: str, slot: Slot
) -> None:
    """Write a coroutine function that calls a resolver and completes its value, and note a call of it."""
    name = f"later{site.number}"
    body = writer.unit.function(f"async def {name}(s, X, p, {QUICK})")
    inner = Scope(body, depth=1)
    lines = _called(writer, site, call, "s", "v", "p", inner, wait="await ")
    writer.write_awaited(body, site, *lines)
    function = scope.function
    if call.arguments.once is not None:
        # graphql-core reads arguments before it starts any coroutine.
        once = writer.unit.constant("B", call.arguments.once)
        function.line(f"{once}(X)", scope.mark(site))
    pending = f"{name}({source}, X, {scope.indexes})"
    if call.decide is not None:
        writer.unit.names["DENIAL"] = Denial
        decided = _decided(writer, scope, site, call.decide)
        place = writer.unit.constant("M", inner.mark(site))
        denied = f"{decided}.later({place}, {scope.indexes})"
        pending = f"{denied} if T({decided}) is DENIAL else {pending}"
    function.line(f"{slot.waiting} = N({slot.waiting}, {slot.key}, {pending})")
    function.line(f"{value_of(site)} = None")


def _decided(writer: Writer, scope: Scope, site: Site, decide: Decide) -> str:
    """Return the variable that holds whether grants open a field."""
    function, name = scope.function, f"q{site.number}"
    expression = f"{writer.unit.constant('Q', decide.once)}(X)"
    return (
        function.ask(name, expression, decide)
        if decide.is_lasting
        else function.decide(name, expression)
    )
