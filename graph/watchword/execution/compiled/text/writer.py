"""Writes the functions of one operation: each selection as straight text, the selections below it inside.

A function takes `X`, the run, and `p`, the indexes of its place. The unit's names give it the objects that it
refers to: `N` notes an awaitable, `G` waits for all noted ones, `F` guards an awaitable and turns its error into
null, `C` are the classes of what is noted.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from types import CoroutineType
from typing import Any

from graphql import (
    GraphQLObjectType,
    is_abstract_type,
    is_leaf_type,
    is_list_type,
    is_non_null_type,
)

from watchword.execution.compiled.compilation import Compilation
from watchword.execution.compiled.fields.abstract import Abstract, ObjectFunction
from watchword.execution.compiled.fields.checks import (
    Awaiter,
    Known,
    Place,
    list_check,
    object_check,
)
from watchword.execution.compiled.promise import Promise
from watchword.execution.compiled.site import Site
from watchword.execution.compiled.text.later import Later
from watchword.execution.compiled.text.leaf import write_leaf
from watchword.execution.compiled.text.resolution import write_call
from watchword.execution.compiled.text.scope import Scope, Slot, value_of
from watchword.execution.compiled.text.unit import QUICK, Function, Unit
from watchword.execution.compiled.waiting import Unfinished, guarded, note
from watchword.libraries.strawberry_fields import CAST_ATTRIBUTE

# Whether `strawberry.cast` was used on an object.
CAST = "getattr({}, CAST, None) is not None"
# Python allows twenty nested blocks. Selections below this depth get a function of their own.
DEEPEST = 12


class Writer:
    """Writes functions into a unit. `build` compiles them; then `unit.names` has them."""

    def __init__(self, common: Compilation, label: str) -> None:
        self.common = common
        self.unit = Unit(label)
        self.unit.names.update(
            N=note, G=Unfinished, F=guarded, C=(CoroutineType, Promise), CAST=CAST_ATTRIBUTE
        )
        self.unit.names["LEAF"] = common.complete_leaf
        self._number = 0

    def build(self) -> None:
        self.unit.build(self.common.marks)

    def number(self) -> int:
        self._number += 1
        return self._number

    # -- functions

    def write_root(self, kind: GraphQLObjectType, is_serial: bool) -> str:
        """Write the function of the root fields, `(s, X)`, and return its name."""
        name = f"root{self.number()}"
        head = f"def {name}(s, X, p=(), {QUICK})"
        head = f"async {head}" if is_serial else head
        function = self.unit.function(head)
        sites = self.common.root_fields(kind)
        waiting = "w0"
        function.line(f"{waiting} = None")
        scope = Scope(function).opened(waiting)
        for site in sites:
            if is_serial and not site.is_constant:
                self._write_in_turn(scope, site, waiting)
            else:
                self._write_field(scope, site, "s", waiting)
        made = self._display(sites)
        if is_serial:
            function.line(f"return {made}")
        else:
            function.line(f"d = {made}")
            function.line(f"return d if {waiting} is None else G(d, {waiting})")
        return name

    def write_object(self, kind: GraphQLObjectType, above: Site, levels: int) -> str:
        """Write a function that makes an object of one value, `(s, X, p)`, and return its name."""
        name = f"object{self.number()}"
        function = self.unit.function(f"def {name}(s, X, p, {QUICK})")
        waiting, made = self._write_selection(Scope(function), kind, above, levels, "s")
        function.line(f"return {made} if {waiting} is None else G({made}, {waiting})")
        return name

    def write_awaiter(self, site: Site) -> str:
        """Write a coroutine function that awaits a field's value and completes it, `(v, X, p)`."""
        name = f"await{self.number()}"
        function = self.unit.function(f"async def {name}(v, X, p, {QUICK})")
        self.write_awaited(function, site, "v = await v")
        return name

    def write_awaited(self, function: Function, site: Site, *lines: str) -> None:
        """Write the body of a coroutine function: lines that set `v` after waiting, and its completion."""
        self._write_completed(function, site, lines, "v = await w.popitem()[1]", None)

    def write_kept(self, site: Site) -> str:
        """Write a function that completes the value of a future that is done, `(f, X, p)`."""
        name = f"kept{self.number()}"
        function = self.unit.function(f"def {name}(f, X, p, {QUICK})")
        is_required = is_non_null_type(site.definition.type)
        place = (
            None if is_required else self.unit.constant("M", Scope(function, depth=1).mark(site))
        )
        self._write_completed(function, site, ["v = f.result()"], "return w.popitem()[1]", place)
        return name

    def _write_completed(
        self, function: Function, site: Site, lines: Sequence[str], pending: str, guard: str | None
    ) -> None:
        """Write the body of a function that completes a value, set as `v` in the first lines.

        `pending` is the line for a value that is not there yet. `guard` names the mark at which its error is collected
        if the function does not wait for it.
        """
        scope = Scope(function, depth=1)
        mark = scope.mark(site)
        place = self.unit.constant("M", mark)
        with function.block("try"):
            function.begin_here()
            for line in lines:
                function.line(line, mark)
            function.pause()
            function.line("w = None")
            slot = Slot("w", "0", guard)
            self.write_value(scope.opened("w"), site, 0, site.definition.type, "v", slot, None)
            with function.block("if w is not None"):
                function.line(pending, mark)
        with function.block("except Exception as e"):
            if is_non_null_type(site.definition.type):
                function.line(f"raise X.locate(e, {place}, p)")
            else:
                function.line(f"v = X.fail(e, {place}, p)")
        function.line("return v")

    def awaiter(self, site: Site) -> Awaiter:
        """Return what completes a field that turns out to be awaitable. It is made when it does."""
        make = partial(_separately, self.common, site)
        return Later(site, partial(make, Writer.write_awaiter), partial(make, Writer.write_kept))

    # -- selections

    def _write_selection(
        self, scope: Scope, kind: GraphQLObjectType, above: Site, levels: int, source: str
    ) -> tuple[str, str]:
        """Write the fields of an object; return the variable of what waits in it, and an expression of the object."""
        waiting = f"w{self.number()}"
        steps = (*above.steps, *(None,) * levels)
        sites = self.common.fields(kind, above, steps)
        function = scope.function
        function.line(f"{waiting} = None")
        inner = scope.opened(waiting)
        for site in sites:
            self._write_field(inner, site, source, waiting)
        return waiting, self._display(sites)

    @staticmethod
    def _display(sites: list[Site]) -> str:
        return "{" + ", ".join(f"{site.key!r}: {value_of(site)}" for site in sites) + "}"

    def _write_field(self, scope: Scope, site: Site, source: str, waiting: str) -> None:
        if site.is_constant:
            return
        kind = site.definition.type
        if is_non_null_type(kind):
            self._write_resolved(scope, site, source, Slot(waiting, repr(site.key), None))
            return
        function, variable = scope.function, value_of(site)
        place = self.unit.constant("M", scope.mark(site))
        inner = scope.opened(blocks=1)
        with function.block("try"):
            self._write_resolved(inner, site, source, Slot(waiting, repr(site.key), place))
        with function.block("except Exception as e"):
            function.line(f"{variable} = X.fail(e, {place}, {scope.indexes})")

    def _write_resolved(self, scope: Scope, site: Site, source: str, slot: Slot) -> None:
        """Write how a field's value comes about, and its completion."""
        variable = value_of(site)
        if write_call(self, scope, site, source, variable, slot):
            if scope.function.is_serial and source == "s":
                # A mutation may renew the caller's principal.
                scope.function.pause()
            kind = site.definition.type
            self.write_value(scope, site, 0, kind, variable, slot, self.awaiter(site))

    def _write_in_turn(self, scope: Scope, site: Site, waiting: str) -> None:
        """Write a root field that ends before the next one begins.

        A coroutine cannot raise StopIteration: Python would make another error of it, which has no place.
        """
        function = scope.function
        with function.block("try"):
            function.pause()
            self._write_field(scope.opened(blocks=1), site, "s", waiting)
        with function.block("except StopIteration as e"):
            mark = scope.mark(site)
            place = self.unit.constant("M", mark)
            function.line(f"raise X.locate(e, {place}, {scope.indexes})", mark)
        self._write_pending(scope, site, waiting)

    def _write_pending(self, scope: Scope, site: Site, waiting: str) -> None:
        function = scope.function
        with function.block(f"if {waiting} is not None"):
            function.line(f"{value_of(site)} = await {waiting}.popitem()[1]", scope.mark(site))
            function.line(f"{waiting} = None")

    # -- values

    def write_value(
        self,
        scope: Scope,
        site: Site,
        levels: int,
        kind: Any,
        variable: str,
        slot: Slot,
        awaiter: Awaiter | None,
    ) -> None:
        """Write the completion of the value in a variable, for its type with the non-null wrapper."""
        place = Place(self.common, site, levels, kind, awaiter)
        if is_leaf_type(place.inner):
            write_leaf(self, scope, place, variable, slot)
        elif is_list_type(place.inner):
            self._write_list(scope, place, variable, slot)
        elif is_abstract_type(place.inner):
            self._write_abstract(scope, place, variable, slot)
        else:
            self._write_object(scope, place, variable, slot)

    def write_check(
        self, scope: Scope, place: Place, check: Callable[..., Any], variable: str, slot: Slot
    ) -> None:
        """Write the call of a check, and the note of a value that is not there yet."""
        function, mark = scope.function, scope.mark(place.site, place.levels)
        called = self.unit.constant("V", check)
        function.line(f"{variable} = {called}({variable}, X, {scope.indexes})", mark)
        with function.block(f"if type({variable}) in C"):
            function.line(f"{slot.waiting} = N({slot.waiting}, {slot.key}, {variable})")
            function.line(f"{variable} = None")
        if place.is_required and not is_leaf_type(place.inner):
            with function.block(f"elif {variable} is None"):
                function.line(f"{self.unit.constant('Z', place.fail_null)}()", mark)

    def _write_list(self, scope: Scope, place: Place, variable: str, slot: Slot) -> None:
        function, mark = scope.function, scope.mark(place.site, place.levels)
        number = self.number()
        waiting, made, item = f"w{number}", f"r{number}", f"x{number}"
        iterator = f"i{number}"
        with function.block(f"if T({variable}) is not list"):
            self.write_check(scope, place, list_check(place), variable, slot)
        with function.block(f"if {variable} is not None"):
            function.line(f"{iterator} = iter({variable})", mark)
            function.line(f"{made} = []")
            function.line(f"{waiting} = None")
            inner = scope.opened(waiting, iterator=iterator, blocks=2)
            with function.block(f"for {item} in {iterator}", inner.mark(place.site, place.levels)):
                inner = inner._replace(loops=(*inner.loops, made))
                inner_slot = Slot(waiting, f"len({made})", None)
                self._write_item(inner, place, item, inner_slot)
                function.line(f"{made}.append({item})")
            self._write_made(scope, place, variable, slot, waiting, made)

    def _write_item(self, scope: Scope, place: Place, item: str, slot: Slot) -> None:
        site, levels, kind = place.site, place.levels + 1, place.inner.of_type
        # graphql-core awaits items whether or not the list was awaited.
        awaiter = self.awaiter(site)
        if is_non_null_type(kind):
            self.write_value(scope, site, levels, kind, item, slot, awaiter)
            return
        at = self.unit.constant("M", scope.mark(site, levels))
        inner = scope.opened(blocks=1)
        with scope.function.block("try"):
            self.write_value(inner, site, levels, kind, item, slot._replace(place=at), awaiter)
        with scope.function.block("except Exception as e"):
            scope.function.line(f"{item} = X.fail(e, {at}, {scope.indexes})")

    def _write_made(
        self, scope: Scope, place: Place, variable: str, slot: Slot, waiting: str, made: str
    ) -> None:
        """Write what becomes of an object or list that was made: it is the value, or waits for its parts."""
        function = scope.function
        with function.block(f"if {waiting} is None"):
            function.line(f"{variable} = {made}")
        with function.block("else"):
            pending = slot.guarded(f"G({made}, {waiting})", scope.indexes)
            function.line(f"{slot.waiting} = N({slot.waiting}, {slot.key}, {pending})")
            function.line(f"{variable} = None")

    def _write_object(self, scope: Scope, place: Place, variable: str, slot: Slot) -> None:
        function = scope.function
        known = Known()
        usual, others = self.unit.constant("U", None), self.unit.constant("K", known)
        known.tell(partial(self.unit.names.__setitem__, usual))
        unlikely_class = f"T({variable}) is not {usual} and T({variable}) not in {others}"
        if place.inner.is_type_of is not None:
            unlikely_class = f"({unlikely_class}) or {CAST.format(variable)}"
        with function.block(f"if {unlikely_class}"):
            self.write_check(scope, place, object_check(place, known), variable, slot)
        with function.block(f"if {variable} is not None"):
            if scope.depth >= DEEPEST:
                name = self.write_object(place.inner, place.site, place.levels)
                mark = scope.mark(place.site, place.levels)
                function.line(f"{variable} = {name}({variable}, X, {scope.indexes})", mark)
                self._write_unless_made(scope, place, variable, slot)
                return
            inner = scope.opened(blocks=1)
            waiting, made = self._write_selection(
                inner, place.inner, place.site, place.levels, variable
            )
            self._write_made(inner, place, variable, slot, waiting, made)

    def _write_abstract(self, scope: Scope, place: Place, variable: str, slot: Slot) -> None:
        function, mark = scope.function, scope.mark(place.site, place.levels)
        number = self.number()
        abstract = Abstract(place, self._object_function(place))
        known = self.unit.constant("K", abstract.known)
        complete_it = self.unit.constant("V", abstract.complete)
        function.line(f"f{number} = {known}.get(T({variable}))", mark)
        with function.block(f"if f{number} is None or {CAST.format(variable)}"):
            function.line(f"{variable} = {complete_it}({variable}, X, {scope.indexes})", mark)
        with function.block("else"):
            function.line(f"{variable} = f{number}({variable}, X, {scope.indexes})", mark)
        self._write_unless_made(scope, place, variable, slot)

    def _write_unless_made(self, scope: Scope, place: Place, variable: str, slot: Slot) -> None:
        """Write what becomes of what an object's function returned, unless it is the object."""
        function = scope.function
        with function.block(f"if T({variable}) is not dict and {variable} is not None"):
            pending = slot.guarded(variable, scope.indexes)
            function.line(f"{slot.waiting} = N({slot.waiting}, {slot.key}, {pending})")
            function.line(f"{variable} = None")
        if place.is_required:
            with function.block(f"elif {variable} is None"):
                mark = scope.mark(place.site, place.levels)
                function.line(f"{self.unit.constant('Z', place.fail_null)}()", mark)

    def _object_function(
        self, place: Place
    ) -> Callable[[GraphQLObjectType], ObjectFunction | None]:
        def make(kind: GraphQLObjectType) -> ObjectFunction:
            writer = Writer(self.common, f"{kind.name} of {place.site.key}")
            name = writer.write_object(kind, place.site, place.levels)
            writer.build()
            return writer.unit.names[name]  # type: ignore[no-any-return]

        return lambda kind: self.common.attempt(lambda: make(kind))


def _separately(common: Compilation, site: Site, write: Callable[[Writer, Site], str]) -> Any:
    """Return a function in a unit of its own, written while an operation runs; None if graphql-core has to do its work."""

    def make() -> Any:
        writer = Writer(common, f"awaited {site.key}")
        name = write(writer, site)
        writer.build()
        return writer.unit.names[name]

    return common.attempt(make)
