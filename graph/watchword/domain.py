"""What a mounted schema says about itself beside its fields."""

from __future__ import annotations

import importlib
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import click
import strawberry

from watchword.errors import Unsafe
from watchword.principal import Grants

if TYPE_CHECKING:
    from watchword.transaction import Transaction


@dataclass(frozen=True, slots=True)
class Domain:
    """The optional companion of a mounted schema, found as `domain` in the schema's module.

    `roles` maps each role to the scopes that a person who has it may carry in a token, and
    `descriptions` each scope to what it allows, in words, for the page that asks a person's consent.
    `gives` maps a role to the roles that its holders may give besides their own.
    `migrations` is the dotted name of a package of Alembic revisions, and `version_table` the table
    in which Alembic keeps the database's version; without it, the table is named after the package
    in full. `demo` fills an empty database with something to look at. `commands` join the `watchword`
    command line.
    """

    roles: Mapping[str, frozenset[str]] = field(default_factory=dict)
    gives: Mapping[str, frozenset[str]] = field(default_factory=dict)
    descriptions: Mapping[str, str] = field(default_factory=dict)
    migrations: str | None = None
    version_table: str | None = None
    demo: Callable[[Transaction], Awaitable[None]] | None = None
    commands: Sequence[click.Command] = ()

    def scopes(self, roles: frozenset[str]) -> frozenset[str]:
        """Return all scopes that these roles give together; unknown roles give none."""
        return frozenset().union(*(self.roles.get(role, frozenset()) for role in roles))

    def reach(self, own: Grants) -> Grants:
        """Return what a principal with these grants may give to others: no scope that it does not
        have, and no role that it does not have or that gives such a scope."""
        held = own.roles.union(*(self.gives.get(role, frozenset()) for role in own.roles))
        roles = frozenset(role for role in held if self.scopes(frozenset({role})) <= own.scopes)
        return Grants(roles, own.scopes)


@dataclass(frozen=True, slots=True)
class Mount:
    """A schema found by name, with what its module says about it."""

    schema: strawberry.Schema
    domain: Domain


def load(name: str) -> Mount:
    """Find `module:attribute` as uvicorn finds an app.

    Raises `Unsafe` when there is no such module or attribute, it is no Strawberry schema, or its domain
    names a role that it does not have.
    """
    module_name, _, attribute = name.partition(":")
    if not module_name or not attribute:
        raise Unsafe(
            f"The schema is named as module:attribute, for example incident_room:schema, not {name!r}."
        )
    try:
        module = importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        raise Unsafe(
            f"There is no module {error.name!r} to load the schema {name!r} from."
        ) from error
    schema = getattr(module, attribute, None)
    if not isinstance(schema, strawberry.Schema):
        raise Unsafe(f"{name!r} is not a Strawberry schema.")
    domain = getattr(module, "domain", None)
    mount = Mount(schema, domain if isinstance(domain, Domain) else Domain())
    _check_gives(mount.domain)
    return mount


def _check_gives(domain: Domain) -> None:
    named = {*domain.gives, *frozenset[str]().union(*domain.gives.values())}
    if domain.roles and (unknown := sorted(named - domain.roles.keys())):
        raise Unsafe(
            f"Domain.gives names the role {unknown[0]!r}, which Domain.roles does not have."
        )
