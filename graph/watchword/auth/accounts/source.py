"""The domain's own users table (`Domain.accounts`), and the accounts here of the people in it."""

from __future__ import annotations

import logging
import re
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import replace

from sqlalchemy.ext.asyncio import AsyncSession

from watchword.auth.accounts.accounts import (
    LONGEST_NAME,
    add_account,
    assign_roles,
    lock_account,
    rename,
    set_name,
    sign_out,
)
from watchword.auth.accounts.links import link
from watchword.auth.tables import Account, ExternalIdentity
from watchword.context import Services
from watchword.errors import BadUserInput, Unavailable
from watchword.formats import mail_address
from watchword.formats.text import cleaned_text
from watchword.hooks import AccountSource, ExternalAccount, answer_of
from watchword.process.clock import sleep
from watchword.process.deadline import within
from watchword.storage.database import exclusive
from watchword.throttling.ceiling import most
from watchword.transaction import Transaction, transaction

log = logging.getLogger("watchword.sessions")

ISSUER = "urn:watchword:accounts"
"""The issuer under which the accounts of the users table are linked. It is none that a token can name."""
LOCK = 7_709_018
"""The advisory lock that is held while such an account is added."""
# A subject is an account's id, which is in tokens, commands and the audit log.
_SUBJECT = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_-]{0,31}", re.ASCII)
# A refusal takes as long as the slowest of so many checks, but no longer than so many seconds.
REMEMBERED = 50
LONGEST_PADDING = 2.0

_AWAY = "Accounts cannot be looked up just now. Try again soon."


class Unusable(ValueError):
    """The users table returned what cannot be an account."""


class Source:
    """Asks the domain's users table, and keeps what it says in our own tables."""

    def __init__(self, services: Services, source: AccountSource) -> None:
        self._services = services
        self._source = source
        # How long the latest checks of passwords took, in seconds.
        self._took: deque[float] = deque(maxlen=REMEMBERED)

    async def authenticate(self, email: str, password: str) -> ExternalAccount | None:
        """Return the account with this address and password; None if there is none that may sign in.

        A refusal takes as long as the slowest of the latest checks: the time must not tell whether there is such
        an account. Raises `Unavailable`.
        """
        clock = self._services.clock
        began = clock.now()
        found = await self._ask("authenticate", self._source.authenticate, email, password)
        if found is not None and found.is_disabled:
            found = None
        took = clock.now() - began
        self._took.append(took)
        if found is None and (missing := min(max(self._took), LONGEST_PADDING) - took) > 0:
            await sleep(clock, missing)
        return found

    async def find(self, subject: str) -> ExternalAccount | None:
        """Return an account as the users table has it now; None if it has none. Raises `Unavailable`."""
        found = await self._ask("find", self._source.find, subject)
        if found is not None and found.subject != subject:
            log.error("Domain.accounts found the account %r for %r", found.subject, subject)
            raise Unavailable(_AWAY)
        return found

    async def keep(self, unit: Transaction, found: ExternalAccount) -> Account:
        """Add or change the account here as the users table says. Raises `Unavailable` if that is not possible."""
        actor = unit.actor
        # No limit on the roles: the users table is the domain's own.
        unit.actor = replace(actor, reach=None)
        try:
            if not await is_linked(unit.db, found.subject):
                await self._add(unit, found)
            return await self._change(unit, found)
        finally:
            unit.actor = actor

    async def refresh(self, account: Account) -> Account | None:
        """Bring an account here up to date; return it as it is now, or None if it may not sign in any more.

        Its sessions end then. An account that was not made for the users table is returned as it is. Raises
        `Unavailable`.
        """
        services = self._services
        async with services.database.read() as db:
            if not await is_linked(db, account.id):
                return account
        found = await self.find(account.id)
        now = services.clock.now()
        async with transaction(services.database, services.bus, now) as unit:
            if found is None or found.is_disabled:
                await sign_out(unit, account.id)
                return None
            return await self.keep(unit, found)

    async def _ask(
        self,
        name: str,
        method: Callable[..., Awaitable[ExternalAccount | None]],
        *arguments: str,
    ) -> ExternalAccount | None:
        seconds = most(self._services.settings, "operation_seconds")
        try:
            found = await within(self._services.clock, seconds, answer_of(method(*arguments)))
            return None if found is None else _checked(found)
        except Exception as error:
            log.error(
                "Domain.accounts.%s failed: %s",
                name,
                error or type(error).__name__,
                exc_info=None if isinstance(error, Unusable) else error,
            )
            raise Unavailable(_AWAY) from error

    async def _add(self, unit: Transaction, found: ExternalAccount) -> None:
        await exclusive(unit.db, LOCK)
        if await is_linked(unit.db, found.subject):
            return
        if await unit.db.get(Account, found.subject) is not None:
            log.error("an account that was made here has the id %r already", found.subject)
            raise Unavailable(_AWAY)
        for address in (found.email, _other_address(found)):
            try:
                async with unit.db.begin_nested():
                    account = await add_account(
                        unit,
                        id=found.subject,
                        email=address,
                        name=_name(found),
                        roles=self._roles(found),
                        hash=None,
                    )
                    break
            except BadUserInput:
                log.warning("the account %s cannot have its own address here", found.subject)
        await link(unit, ISSUER, found.subject, account.id)

    async def _change(self, unit: Transaction, found: ExternalAccount) -> Account:
        account = await lock_account(unit.db, found.subject)
        if account.email not in (mail_address.canonical(found.email), _other_address(found)):
            await _rename(unit, found)
            # If the address was taken, what is known of the row has been rolled back.
            account = await lock_account(unit.db, found.subject)
        await set_name(unit, account, _name(found))
        await assign_roles(unit, account, self._roles(found))
        return account

    def _roles(self, found: ExternalAccount) -> set[str]:
        known = self._services.domain.roles
        return {role for role in found.roles if not known or role in known}


def source_of(services: Services) -> Source | None:
    """Return the domain's users table, if it has one."""
    source = services.domain.accounts
    return None if source is None else Source(services, source)


async def is_linked(db: AsyncSession, account: str) -> bool:
    """Tell whether an account was made for the users table."""
    return await db.get(ExternalIdentity, (ISSUER, account)) is not None


async def _rename(unit: Transaction, found: ExternalAccount) -> None:
    try:
        async with unit.db.begin_nested():
            await rename(unit, found.subject, found.email)
    except BadUserInput:
        # Another account here has the address. The person signs in by the users table, and not by this one.
        log.warning("the account %s cannot have its own address here", found.subject)


def _checked(found: ExternalAccount) -> ExternalAccount:
    if not isinstance(found, ExternalAccount):
        raise Unusable(f"it returned no ExternalAccount, but {type(found).__name__}")
    if not isinstance(found.subject, str) or not _SUBJECT.fullmatch(found.subject):
        raise Unusable(
            f"the subject {found.subject!r} is not 1 to 32 letters, digits, - and _, of which - is not the first"
        )
    if not isinstance(found.email, str) or not isinstance(found.name, str):
        raise Unusable(f"the address or the name of {found.subject} is no text")
    if isinstance(found.roles, str) or not all(isinstance(role, str) for role in found.roles):
        raise Unusable(f"the roles of {found.subject} are no collection of names")
    return found


def _other_address(found: ExternalAccount) -> str:
    """Return an address that cannot exist (RFC 2606, section 2)."""
    return f"{found.subject}@accounts.invalid"


def _name(found: ExternalAccount) -> str:
    return cleaned_text(found.name, LONGEST_NAME) or found.subject
