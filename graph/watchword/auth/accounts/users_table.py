"""`UsersTable`: a users table of SQLAlchemy's as the domain's own accounts (`Domain.accounts`)."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable, Callable, Collection, Sequence
from contextlib import suppress
from typing import Any, Generic, TypeVar
from uuid import UUID

from sqlalchemy import Engine, select
from sqlalchemy import inspect as mapping_of
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, async_sessionmaker
from sqlalchemy.orm import Mapper, Session, sessionmaker

from watchword.errors import Unsafe
from watchword.hooks import ExternalAccount
from watchword.throttling.hash_queue import run_queued

User = TypeVar("User")
Database = Engine | AsyncEngine | sessionmaker[Session] | async_sessionmaker[AsyncSession]
Run = Callable[[Callable[[Session], Any]], Awaitable[Any]]
"""Awaits the result of a function that is called with a new session."""

_BARRED = {"is_disabled": True, "disabled": True, "is_active": False, "active": False}
"""Usual columns that say whether a user may sign in, with the value that says no."""
_PAGE = "Write an AccountSource of your own (see docs/how-to/your-own-users.md)."


class UsersTable(Generic[User]):
    """An `AccountSource` over a class that SQLAlchemy or SQLModel maps to a table, for `Domain(accounts=…)`.

        UsersTable(engine, User, is_password, roles=["customer"])

    `database` is an engine or a session maker, of either kind; each look-up has a session of its own.
    `is_password(user, password)` returns True for the right password. It may be slow: it runs in a thread, queued
    with other hashes, and `user` is detached from its session.

    The primary key, of integers, texts or UUIDs, is the subject; a UUID has no hyphens there. A user signs in with
    what the column `email` holds, as it was typed or else in lower case. `roles` are those of everybody, or a function
    of the user; without it they are the attribute `roles`, if the class has one. The account's name is the attribute
    `name`, or else the address. Users with a false `is_active` or `active`, or a true `is_disabled` or `disabled`, are
    disabled. `account(user)` makes the account instead, for a table with other columns.

    Raises `Unsafe` for what it cannot use: an async `is_password`, a class that is not mapped, has no attribute
    `email`, or has another primary key.
    """

    def __init__(
        self,
        database: Database,
        users: type[User],
        is_password: Callable[[User, str], bool],
        *,
        email: str = "email",
        roles: Collection[str] | Callable[[User], Collection[str]] | None = None,
        account: Callable[[User], ExternalAccount] | None = None,
    ) -> None:
        _check_function(is_password)
        self._key, self._kind = _key(users, email)
        self._run = _runner(database)
        self._users = select(users)
        self._email: Any = getattr(users, email)
        self._email_of: Callable[[User], str] = lambda user: getattr(user, email)
        self._is_password = is_password
        self._roles = roles
        self._account = account or self._usual_account

    async def authenticate(self, email: str, password: str) -> ExternalAccount | None:
        """Return the account with this address and password; None if there is none."""

        def chosen(users: Sequence[User]) -> Sequence[User]:
            return [user for user in users if self._email_of(user) == email] or users

        found = await self._find(self._email.in_({email, email.lower()}), chosen)
        if found is None:
            return None
        user, account = found
        is_right = await run_queued(self._is_password, user, password)
        # A coroutine or a result object is true for a wrong password as well.
        if not isinstance(is_right, bool):
            raise TypeError(f"is_password returned no bool, but {type(is_right).__name__}")
        return account if is_right else None

    async def find(self, subject: str) -> ExternalAccount | None:
        """Return the account with this primary key; None if it is gone."""
        try:
            key = self._kind(subject)
        except ValueError:
            return None
        found = await self._find(self._key == key, lambda users: users)
        return None if found is None or found[1].subject != subject else found[1]

    async def _find(
        self, condition: Any, chosen: Callable[[Sequence[User]], Sequence[User]]
    ) -> tuple[User, ExternalAccount] | None:
        """Return the user that a condition finds, and its account. Raises `LookupError` for several."""

        def read(session: Session) -> tuple[User, ExternalAccount] | None:
            found = chosen(session.scalars(self._users.where(condition)).unique().all())
            if len(found) > 1:
                raise LookupError("several users have this address")
            return (found[0], self._account(found[0])) if found else None

        found: tuple[User, ExternalAccount] | None = await self._run(read)
        return found

    def _usual_account(self, user: User) -> ExternalAccount:
        [key], email = mapping_of(user).identity, self._email_of(user)
        return ExternalAccount(
            subject=key.hex if isinstance(key, UUID) else str(key),
            email=email,
            name=getattr(user, "name", None) or email,
            roles=self._roles_of(user),
            is_disabled=_is_disabled(user),
        )

    def _roles_of(self, user: User) -> Collection[str]:
        if self._roles is None:
            return getattr(user, "roles", ())
        return self._roles(user) if callable(self._roles) else self._roles


def _is_disabled(user: object) -> bool:
    for name, barred in _BARRED.items():
        value = getattr(user, name, None if barred else True)
        if bool(value() if callable(value) else value) is barred:
            return True
    return False


def _check_function(is_password: Callable[..., object]) -> None:
    if not callable(is_password) or inspect.iscoroutinefunction(is_password):
        raise Unsafe(
            "UsersTable takes a function is_password(user, password) that is not async. It runs in a thread."
        )


def _key(users: type, email: str) -> tuple[Any, Callable[[str], object]]:
    """Return the column of the primary key of a mapped class, and the type that makes its values of texts."""
    mapper: Any = mapping_of(users, raiseerr=False)
    if not isinstance(mapper, Mapper):
        raise Unsafe(f"UsersTable takes a class that SQLAlchemy maps to a table, not {users!r}.")
    if email not in mapper.all_orm_descriptors:
        raise Unsafe(
            f"{users.__name__} has no {email!r}. Name the attribute with the address: UsersTable(…, email='…')."
        )
    if len(mapper.primary_key) == 1:
        key = mapper.primary_key[0]
        with suppress(NotImplementedError):
            if (kind := key.type.python_type) in (int, str, UUID):
                return key, kind
    raise Unsafe(
        f"The primary key of {users.__name__} is not one column of integers, texts or UUIDs. {_PAGE}"
    )


def _runner(database: Database) -> Run:
    if isinstance(database, Engine):
        database = sessionmaker(database)
    if isinstance(database, AsyncEngine):
        database = async_sessionmaker(database)
    if isinstance(database, sessionmaker):
        return _in_thread(database)
    if isinstance(database, async_sessionmaker):
        return _in_loop(database)
    raise Unsafe(f"UsersTable takes an engine or a sessionmaker of SQLAlchemy's, not {database!r}.")


def _in_thread(sessions: sessionmaker[Session]) -> Run:
    def run(read: Callable[[Session], Any]) -> Any:
        with sessions() as session:
            return read(session)

    return lambda read: asyncio.to_thread(run, read)


def _in_loop(sessions: async_sessionmaker[AsyncSession]) -> Run:
    async def run(read: Callable[[Session], Any]) -> Any:
        async with sessions() as session:
            return await session.run_sync(read)

    return run
