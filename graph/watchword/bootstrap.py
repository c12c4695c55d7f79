"""Prepares the server's start: makes what does not exist yet, and leaves the rest as it is."""

from __future__ import annotations

import fcntl
import logging
import os
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from watchword.auth.accounts import demo_people
from watchword.auth.accounts.accounts import ADMIN, add_account, has_accounts
from watchword.auth.accounts.demo_people import DemoPerson
from watchword.auth.keys.signing_keys import ensure
from watchword.auth.sign_in.passwords import hash_chosen
from watchword.config.settings import Settings
from watchword.domain import Mount
from watchword.errors import Unsafe
from watchword.events.bus.memory import MemoryBus
from watchword.process.clock import Clock
from watchword.storage import sql_mistakes
from watchword.storage.database import Database, exclusive
from watchword.storage.migration import RUNTIME, of_domain, upgrade
from watchword.storage.packages import Migrations
from watchword.storage.vault import vault
from watchword.transaction import Transaction, transaction

log = logging.getLogger("watchword.bootstrap")

# The PostgreSQL advisory lock that a process holds while it makes the first account.
LOCK = 7_709_015


@dataclass(frozen=True, slots=True)
class Started:
    """The result of a start, for the terminal. `password` is set only if it was generated in this start."""

    is_first: bool
    email: str | None = None
    password: str | None = field(default=None, repr=False)
    people: tuple[DemoPerson, ...] = ()
    """The demo people that were made."""


def packages(mount: Mount) -> list[Migrations]:
    """Return the migrations of the runtime and of the mounted schema.

    Raises `Unsafe` if the schema's version table cannot be used.
    """
    domain = mount.domain
    if domain.migrations is None:
        return [RUNTIME]
    return [RUNTIME, of_domain(domain.migrations, domain.version_table)]


async def bootstrap(
    settings: Settings,
    mount: Mount,
    clock: Clock,
    tell: Callable[[Started], object] = lambda started: None,
    *,
    is_local: bool = False,
) -> Started:
    """Make the home directory, the tables, a signing key, the first account and the demo data.

    Processes that start at the same time take turns. If a start is interrupted, the next one completes it.
    `tell` is called with a generated password before the account is committed, so that no account can exist
    whose password was never shown. `is_local` says that only this machine can reach the server. Then demo data has
    people who can sign in; otherwise existing demo people are disabled. Raises `Unsafe` if the home directory cannot be
    used, or for an SQL error in the schema's migrations or demo data.
    """
    with _home(settings):
        database = Database(settings.database_url)
        try:
            await upgrade(database, packages(mount))
            await ensure(database, vault(settings), settings, clock.now())
            first = await _first_passwords(database, settings, mount, is_local)
            async with transaction(database, MemoryBus(), clock.now()) as unit:
                started = await _first_account(unit, settings, mount, first)
                tell(started)
            await _check_demo_people(database, settings, mount, clock, is_local)
            return started
        finally:
            await database.close()


@dataclass(frozen=True, slots=True)
class _First:
    """The passwords of the first account and of the demo people, and their hashes."""

    password: str
    hash: str
    people: list[DemoPerson]
    hashes: list[str]


async def _first_passwords(
    database: Database, settings: Settings, mount: Mount, is_local: bool
) -> _First | None:
    """Return the passwords of a first start; None if there are accounts already, here or in a users table of the
    domain."""
    async with database.read() as db:
        if mount.domain.accounts is not None or await has_accounts(db):
            return None
    password = settings.admin_password or secrets.token_urlsafe(18)
    is_wanted = settings.admin_password is None or settings.demo_people
    has_people = is_local and settings.demo and settings.demo_people is not False and is_wanted
    people = demo_people.invent(mount.domain.demo_people) if has_people else []
    hashes = [await hash_chosen(each.password) for each in people]
    return _First(password, await hash_chosen(password), people, hashes)


async def _first_account(
    unit: Transaction, settings: Settings, mount: Mount, first: _First | None
) -> Started:
    await exclusive(unit.db, LOCK)
    # Another process may have made the account before this one held the lock.
    if first is None or await has_accounts(unit.db):
        return Started(is_first=False)
    roles = [ADMIN] if ADMIN in mount.domain.roles else list(mount.domain.roles)
    await add_account(
        unit,
        email=settings.admin_email,
        name="Administrator",
        roles=roles or [ADMIN],
        hash=first.hash,
    )
    if settings.demo and mount.domain.demo:
        with sql_mistakes.named("Domain.demo"):
            await mount.domain.demo(unit)
            # Write its rows here. If they failed at the commit, the password of an account that does not
            # exist would have been shown.
            await unit.db.flush()
    await demo_people.add(unit, first.people, first.hashes)
    password = first.password if settings.admin_password is None else None
    return Started(True, settings.admin_email, password, tuple(first.people))


async def _check_demo_people(
    database: Database, settings: Settings, mount: Mount, clock: Clock, is_local: bool
) -> None:
    """Log that demo people can sign in, and disable them where they must not."""
    people = mount.domain.demo_people
    async with database.read() as db:
        named = ", ".join(each.email for each in await demo_people.able(db, people))
    if not named:
        return
    if is_local and settings.demo_people is not False:
        log.warning("demo people can sign in: %s. Only this machine reaches the server.", named)
        return
    async with transaction(database, MemoryBus(), clock.now()) as unit:
        await demo_people.keep_out(unit, people)
    log.warning("demo people are disabled, as the server is not only for this machine: %s", named)


@contextmanager
def _home(settings: Settings) -> Iterator[None]:
    """Make the home directory, readable only for its owner, and lock it for a block."""
    try:
        settings.home.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = os.open(settings.home / "lock", os.O_CREAT | os.O_RDWR, 0o600)
    except OSError as error:
        raise Unsafe(
            f"{settings.home} cannot be written to: {error.strerror}. Set WATCHWORD_HOME to a"
            " directory that can."
        ) from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
    finally:
        os.close(lock)
