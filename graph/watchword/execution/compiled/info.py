"""The `info` of resolvers, made when a resolver asks for it, and filled when it reads from it."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import Any

import strawberry

from watchword.execution.compiled.run import Run
from watchword.execution.compiled.site import Site
from watchword.libraries.strawberry_fields import LateInfo, info_of


class RawInfo:
    """Stands for graphql-core's info of a field, which is made when more than the context is read."""

    def __init__(self, run: Run, site: Site, indexes: tuple[int, ...]) -> None:
        self._run = run
        self._site = site
        self._indexes = indexes
        self.context = run.context

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return getattr(self._made, name)

    def __iter__(self) -> Any:
        return iter(self._made)

    def __len__(self) -> int:
        return len(self._made)

    def __getitem__(self, index: Any) -> Any:
        return self._made[index]

    @cached_property
    def _made(self) -> Any:
        return self._run.raw_info(self._site, self._indexes)


class ResolverInfo(LateInfo):
    """Strawberry's `Info`. Its raw part is made when more than the context is read."""

    def __init__(self, run: Run, site: Site, indexes: tuple[int, ...], field: Any) -> None:
        self._run = run
        self._site = site
        self._indexes = indexes
        self._field = field

    def make_raw(self) -> Any:
        """Return graphql-core's info of the field."""
        return self._run.raw_info(self._site, self._indexes)

    @property
    def context(self) -> Any:
        return self._run.context


InfoMaker = Callable[[Run, Site, tuple[int, ...], Any], Any]
"""Makes the info of a field from the run, the site, its indexes, and the Strawberry field."""


def info_maker(kind: type[strawberry.Info]) -> InfoMaker:
    """Return the class or function that makes the infos of a schema with this `info_class`."""
    if kind is strawberry.Info:
        return ResolverInfo

    def make(run: Run, site: Site, indexes: tuple[int, ...], field: Any) -> Any:
        return info_of(kind, RawInfo(run, site, indexes), field)

    return make
