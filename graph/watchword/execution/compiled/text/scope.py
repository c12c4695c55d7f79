"""Where generated text stands: in which function, lists and objects."""

from __future__ import annotations

from typing import NamedTuple

from watchword.execution.compiled.mark import Mark, Open
from watchword.execution.compiled.site import Site
from watchword.execution.compiled.text.unit import Function


class Scope(NamedTuple):
    """The lists that are being filled where text is written, and what is unfinished there.

    `depth` counts nested blocks, of which Python allows twenty.
    """

    function: Function
    loops: tuple[str, ...] = ()
    opens: tuple[Open, ...] = ()
    depth: int = 0

    @property
    def indexes(self) -> str:
        """An expression for the indexes of the place: those of the function, then those of its lists."""
        return f"(*p, {', '.join(f'len({name})' for name in self.loops)})" if self.loops else "p"

    def opened(self, *variables: str, iterator: str | None = None, blocks: int = 0) -> Scope:
        """Return the scope inside of an object or list that has begun."""
        opens = (*self.opens, *(Open(each, False) for each in variables))
        if iterator is not None:
            opens = (*opens, Open(iterator, True))
        return self._replace(opens=opens, depth=self.depth + blocks)

    def mark(self, site: Site, levels: int = 0) -> Mark:
        return Mark(site, levels, self.loops, self.opens)


class Slot(NamedTuple):
    """Where a value that is not there yet is noted: the variable of the waiting ones, and its key there.

    `place` names the mark at which its error is collected, if the value may be null and nothing else
    collects it.
    """

    waiting: str
    key: str
    place: str | None

    def guarded(self, pending: str, indexes: str) -> str:
        """Return an expression for what waits, with its error collected if nothing else does."""
        return pending if self.place is None else f"F({pending}, X, {self.place}, {indexes})"


def value_of(site: Site) -> str:
    """Return the variable, or the constant, that holds a field's value."""
    return repr(site.parent.name) if site.is_constant else f"v{site.number}"
