"""The parts of a mounted schema besides its fields: roles, migrations, commands, demo data."""

from __future__ import annotations

import importlib
from collections.abc import Awaitable, Callable, Mapping, Sequence, Set
from dataclasses import dataclass, field, fields
from difflib import get_close_matches
from functools import wraps
from types import ModuleType
from typing import TYPE_CHECKING, Any

import click
import strawberry
from starlette.middleware import Middleware
from starlette.routing import BaseRoute
from strawberry.permission import BasePermission

from watchword.errors import Unsafe
from watchword.hooks import AccountInfo, AccountSource, IdentityEvent
from watchword.libraries.strawberry_permissions import is_permission_class
from watchword.principal import Grants
from watchword.process.imports import without_collector
from watchword.process.source_order import waits_first
from watchword.storage.database import Publishing

if TYPE_CHECKING:
    from watchword.transaction import Transaction


ACCOUNTS = "watchword.accounts"
"""The stream of the rows of accounts: names, addresses, roles. Each change of an account is an event in it."""

METRICS_READ = "metrics:read"
"""The scope of a token that may read /metrics. A client of any schema may be given it; metadata does not name it."""

RUNTIME_TABLES = {"watchword_accounts": ACCOUNTS}


@dataclass(frozen=True, slots=True)
class Domain:
    """The optional description of a mounted schema: the variable `domain` in the schema's module.

    `roles` maps each role to the scopes that its tokens may carry. `descriptions` maps each scope to a
    sentence that says what it allows, for the consent page. `gives` maps a role to the roles that accounts
    with it may give to others, besides their own. `migrations` is the dotted name of a package of Alembic
    revisions, and `version_table` the table in which Alembic keeps the database's version; without it, the
    table has the package's full name. `demo` fills an empty database with demo data, in the transaction that
    makes the first account: if it raises, neither exists. `demo_people` maps roles to the names of people that a server
    on a loopback address has for them, with passwords that its first start shows. `commands` are added to the `watchword` command line.
    `tables` maps the names of tables to the streams that their rows belong to: a transaction that writes such a
    table must publish an event in its stream.

    `routes` are Starlette's, or FastAPI's, and are served beside ours; `middleware` sees every request, those to
    /graphql too, which costs speed. `pages` maps names of pages for browsers to their paths, which `serve` shows when it
    starts. `startup` runs when everything else of the process has started, and `shutdown` before it ends; if `startup`
    raises, the server does not start.

    `default_permissions` are asked by each field that declares no permission, and whose type declares none, for example
    `[SignedIn]` for a schema that was written without us. The start logs the names of such root fields and types.
    `permissions` are those of types and fields that the schema's author did not write, such as `Query._service` of
    Strawberry's federation, `Order` or `Order.total`. Those of a type are asked by each of its fields, and, if it has a
    key, by each reference of a router. What clients send is named by its schema coordinate, as `watchword access` does:
    `Query.people(first:)`, the input type `Filter`, `Filter.salary`, the enum `Level`, `Level.BOARD`.

    `claims` says, for an account, what its access tokens contain besides the usual claims; it is called at each
    sign-in, step-up and refresh. Permissions read them with `HasClaim`, resolvers as `principal.claims`. A claim is
    JSON, all together take 2,000 bytes, and names of RFC 7519, RFC 9068 and Watchword are refused. If `claims` raises
    or takes longer than an operation may, nobody gets a token, and the log says why. Tokens of applications that act
    for a person have none.

    `accounts` is a users table of your own, which checks the passwords and says the roles. Then no account has a
    password here, and the first start makes none and no demo data.

    `on_identity` is called after an account was added, disabled or enabled, or has signed in, by one process of all, some
    milliseconds after the commit. Each event is told at most once; a process that starts tells those of the last
    hour that nobody has told. If the hook raises or hangs, the log says so, and nothing else fails.

    `context` makes `info.context.extras`: `def extras(context: Context) -> Extras` is called with the context, when a resolver
    first reads that in an operation, or in an event of a subscription. An `async def`, a generator that awaits before its
    `yield`, and an `@asynccontextmanager` are awaited before each operation that is executed and each event. If it yields the
    extras, as `async def` or `def`, the code after its `yield` runs when the answer is made; if there is no answer, what its
    `with` and `finally` do. An error of it is that of each field that reads the extras.

    One name of a role has a meaning: `admin`. The first account gets it; if `roles` lacks it, the first account
    gets every role. It cannot be taken from the last account that has it and can sign in by password or passkey,
    and that account cannot be disabled.
    """

    roles: Mapping[str, Set[str]] = field(default_factory=dict)
    gives: Mapping[str, Set[str]] = field(default_factory=dict)
    descriptions: Mapping[str, str] = field(default_factory=dict)
    migrations: str | None = None
    version_table: str | None = None
    demo: Callable[[Transaction], Awaitable[None]] | None = None
    demo_people: Mapping[str, str] = field(default_factory=dict)
    commands: Sequence[click.Command] = ()
    tables: Mapping[str, str] = field(default_factory=dict)
    routes: Sequence[BaseRoute] = ()
    pages: Mapping[str, str] = field(default_factory=dict)
    middleware: Sequence[Middleware] = ()
    startup: Callable[[], Awaitable[None]] | None = None
    shutdown: Callable[[], Awaitable[None]] | None = None
    default_permissions: Sequence[type[BasePermission]] = ()
    permissions: Mapping[str, Sequence[type[BasePermission]]] = field(default_factory=dict)
    claims: Callable[[AccountInfo], Awaitable[Mapping[str, Any]]] | None = None
    accounts: AccountSource | None = None
    on_identity: Callable[[IdentityEvent], Awaitable[None]] | None = None
    context: Callable[[Any], Any] | None = None

    @property
    def awaits_context(self) -> bool:
        """Whether `context` is awaited before an operation."""
        return self.context is not None and waits_first(self.context)

    def publishing(self, is_enforced: bool) -> Publishing:
        """Return the streams of all tables, the runtime's included; `is_enforced` as for `Publishing`."""
        streams = {**RUNTIME_TABLES, **self.tables}
        return Publishing(streams, is_enforced, is_announced=self.on_identity is not None)

    def scopes(self, roles: frozenset[str]) -> frozenset[str]:
        """Return all scopes of these roles. Unknown roles have none."""
        return frozenset().union(*(self.roles.get(role, frozenset()) for role in roles))

    def reach(self, own: Grants) -> Grants:
        """Return the roles and scopes that a principal with these grants may give to others.

        The scopes are its own. The roles are its own and those that `gives` lists for them, except roles with
        a scope that the principal lacks.
        """
        held = own.roles.union(*(self.gives.get(role, frozenset()) for role in own.roles))
        roles = frozenset(role for role in held if self.scopes(frozenset({role})) <= own.scopes)
        return Grants(roles, own.scopes)


def _refuse_other_names(kind: type[Domain]) -> None:
    """Let the class raise `Unsafe`, with the nearest name, for an argument that it does not have."""
    made, names = kind.__init__, [each.name for each in fields(kind)]

    @wraps(made)
    def checked(self: Domain, *values: Any, **named: Any) -> None:
        if other := next((name for name in named if name not in names), None):
            near = get_close_matches(other, names, 1)
            hint = f"Did you mean {near[0]!r}?" if near else f"It has {', '.join(names)}."
            raise Unsafe(f"Domain has no {other!r}. {hint}")
        made(self, *values, **named)

    kind.__init__ = checked  # type: ignore[method-assign]


_refuse_other_names(Domain)


@dataclass(frozen=True, slots=True)
class Mount:
    """A schema, and the domain in its module. Raises `Unsafe` if the schema is none."""

    schema: strawberry.Schema
    domain: Domain

    def __post_init__(self) -> None:
        if not isinstance(self.schema, strawberry.Schema):
            raise Unsafe(
                f"A strawberry.Schema is mounted, not {_kind(self.schema)}. Give the schema itself."
            )


def load(name: str) -> Mount:
    """Import the schema that `module:attribute` names, as uvicorn imports an app.

    Raises `Unsafe` if there is no such module or attribute, if it is not a Strawberry schema, if the variable
    `domain` is no `Domain` or a `Domain` has another name, or if the domain is not valid.
    """
    module_name, _, attribute = name.partition(":")
    if not module_name or not attribute:
        raise Unsafe(
            f"The schema is named as module:attribute, for example incident_room:schema, not {name!r}."
        )
    module = _imported(name, module_name)
    schema = getattr(module, attribute, None)
    if not isinstance(schema, strawberry.Schema):
        found = "is not there" if schema is None else f"is {_kind(schema)}"
        raise Unsafe(f"{name!r} {found}, and not a Strawberry schema.{_hint(name, module)}")
    domain = getattr(module, "domain", None)
    if domain is not None and not isinstance(domain, Domain):
        raise Unsafe(
            f"The variable domain of {module_name} is not a watchword.Domain. Make it one, or rename it."
        )
    _check_names(module)
    mount = Mount(schema, domain or Domain())
    check(mount.domain)
    return mount


def _check_names(module: ModuleType) -> None:
    # A misspelled `domain` would be ignored, and all its roles would have no scopes.
    others = [name for name, value in vars(module).items() if isinstance(value, Domain)]
    if others and "domain" not in others:
        raise Unsafe(
            f"{module.__name__} has a Domain in the variable {others[0]!r}, which is not used. Name it `domain`."
        )


def _imported(name: str, module_name: str) -> ModuleType:
    try:
        with without_collector():
            return importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        missing = error.name or module_name
        if f"{module_name}.".startswith(f"{missing}."):
            hint = "Start Watchword in its folder, or name the folder in PYTHONPATH."
        else:
            hint = f"{module_name} imports it. Install it where Watchword is installed."
        raise Unsafe(
            f"There is no module {missing!r} to load the schema {name!r} from."
            f"{_hint(name, None) or f' {hint}'}"
        ) from error


def _hint(name: str, module: ModuleType | None) -> str:
    """Return a hint with the names of a module's schemas, or with the built-in schema's new name for its old one."""
    if name == "schema:schema":
        return " The built-in schema is incident_room:schema now."
    if module is None:
        return ""
    named = [key for key, value in vars(module).items() if isinstance(value, strawberry.Schema)]
    if named:
        return (
            f" Name one of its schemas: {', '.join(f'{module.__name__}:{key}' for key in named)}."
        )
    return " Name a variable that holds a strawberry.Schema(…)."


def _kind(thing: object) -> str:
    kind = type(thing)
    return f"an object of {kind.__module__}.{kind.__qualname__}"


def check(domain: Domain) -> None:
    """Raise `Unsafe` for an unknown role in `gives`, for a hook that is no function, and for permissions that are no
    permission classes."""
    _check_permissions("default_permissions", domain.default_permissions)
    for name, classes in domain.permissions.items():
        _check_permissions(f"permissions[{name!r}]", classes)
        if not classes:
            raise Unsafe(f"Domain.permissions[{name!r}] is empty. Write [Public] if everybody may.")
    for hook in ("demo", "startup", "shutdown", "claims", "on_identity", "context"):
        if (given := getattr(domain, hook)) is not None and not callable(given):
            kind = "a function" if hook == "context" else "an async function"
            raise Unsafe(f"Domain.{hook} is {kind}, not {given!r}.")
    for method in ("authenticate", "find"):
        if domain.accounts is not None and not callable(getattr(domain.accounts, method, None)):
            raise Unsafe(f"Domain.accounts has no method {method} (see watchword.AccountSource).")
    _check_sets("roles", domain.roles, "scopes")
    _check_sets("gives", domain.gives, "roles")
    named = {*domain.gives, *frozenset[str]().union(*domain.gives.values())}
    if domain.roles and (unknown := sorted(named - domain.roles.keys())):
        raise Unsafe(
            f"Domain.gives names the role {unknown[0]!r}, which Domain.roles does not have."
            " Add it there, or correct its name."
        )


def _check_sets(name: str, given: Mapping[str, Any], kind: str) -> None:
    for role, names in given.items():
        # A text would be a set of letters.
        if not isinstance(names, Set):
            raise Unsafe(f"Domain.{name}[{role!r}] is a set of {kind}, not {names!r}.")


def _check_permissions(name: str, given: Any) -> None:
    are_listed = isinstance(given, Sequence) and not isinstance(given, str)
    if not are_listed or not all(map(is_permission_class, given)):
        raise Unsafe(
            f"Domain.{name} is a list of permission classes, for example [SignedIn], not {given!r}."
        )
