"""Accounts: made, found, given roles, disabled."""

from __future__ import annotations

import secrets
from collections.abc import Collection, Sequence

from sqlalchemy import ColumnElement, Select, String, cast, exists, or_, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm.attributes import flag_modified

from watchword.auth.audit.audit import Action, record
from watchword.auth.revocation.identity_events import account_revoked, roles_changed
from watchword.auth.tables import Account, ExternalIdentity, Passkey, Password, Session
from watchword.errors import BadUserInput, Conflict, NotFound
from watchword.formats import mail_address
from watchword.formats.text import checked_text, is_storable
from watchword.storage.columns import moment
from watchword.storage.database import batches, exclusive
from watchword.transaction import Transaction

ADMIN = "admin"
LAST_ADMIN_LOCK = 7_709_016
LONGEST_NAME = 200


def new_id() -> str:
    """Return a new random id: 96 bits, base64url."""
    return secrets.token_urlsafe(12)


async def add_account(
    unit: Transaction,
    *,
    email: str,
    name: str,
    roles: Collection[str],
    hash: str | None,
) -> Account:
    """Make an account, with the hash of its password; without one it cannot sign in by password.

    Raises `BadUserInput` when the e-mail address or the name cannot be used, or the address has an
    account already, and `Forbidden` when a role is beyond the actor's reach.
    """
    unit.actor.check_reach(roles)
    account = Account(
        id=new_id(),
        email=checked_address(email),
        email_folded=mail_address.folded(email),
        name=checked_text(name, ["name"], LONGEST_NAME),
        roles=sorted(set(roles)),
        created_at=moment(unit.now),
    )
    session = unit.db
    session.add(account)
    await _flush_address(session)
    if hash is not None:
        session.add(Password(account_id=account.id, hash=hash, changed_at=moment(unit.now)))
        await session.flush()
    record(unit, Action.ACCOUNT_ADDED, account=account.id, roles=" ".join(account.roles))
    return account


async def set_password(unit: Transaction, id: str, hash: str, keep: str | None = None) -> None:
    """Give an account another password, of which this is the hash, and end its tokens and sessions.

    The session to `keep` goes on, and must refresh its access token as well: whoever has stolen that
    is out, unless it has the refresh token too. Raises `NotFound`, and `Forbidden` for somebody
    else's account whose roles are beyond the actor's reach.
    """
    # The lock orders this with a sign-in by the old password: that is finished, or it comes after and is refused.
    account = await lock_account(unit.db, id)
    check_takeover(unit, account)
    await unit.db.merge(Password(account_id=id, hash=hash, changed_at=moment(unit.now)))
    await _end_sessions(unit, account, keep)
    record(unit, Action.PASSWORD_CHANGED, account=id)


def has_address(email: str) -> ColumnElement[bool]:
    """Return the condition that an account has this address, in any case and normalisation.

    If two accounts' addresses became equal by normalisation (`twins`), the account that kept its old
    form is found by exactly that form, and the other account by every other form.
    """
    before, folded = mail_address.folded_before(email), mail_address.folded(email)
    found = select(Account.id).where(Account.email_folded.in_({before, folded}))
    kept_first = found.order_by(Account.email_folded == folded).limit(1)
    return Account.id == kept_first.scalar_subquery()


async def find_account(db: AsyncSession, email: str) -> Account | None:
    """Find an account by its e-mail address, in any case and normalisation."""
    if not is_storable(email):
        return None
    return await db.scalar(select(Account).where(has_address(email)))


async def twins(db: AsyncSession) -> Sequence[Account]:
    """Return the accounts that share an address with another account but for its normalisation, the
    oldest first. Until they are renamed, they sign in with exactly the form that is stored."""
    found = await list_accounts(db)
    return [each for each in found if each.email_folded != mail_address.folded(each.email)]


async def rename(unit: Transaction, id: str, email: str) -> Account:
    """Give an account another e-mail address. Raises `NotFound`, and `BadUserInput` when the address
    cannot be used or has an account already, and `Forbidden` for somebody else's account whose roles are
    beyond the actor's reach."""
    account = await lock_account(unit.db, id)
    check_takeover(unit, account)
    account.email = checked_address(email)
    account.email_folded = mail_address.folded(email)
    await _flush_address(unit.db)
    record(unit, Action.ACCOUNT_RENAMED, account=id)
    return account


async def _flush_address(db: AsyncSession) -> None:
    try:
        await db.flush()
    except IntegrityError as error:
        raise BadUserInput(
            "There is an account with this e-mail address already.", ["email"]
        ) from error


async def accounts_by_id(db: AsyncSession, ids: Sequence[str]) -> dict[str, Account]:
    """Return the accounts that exist, by id."""
    found: dict[str, Account] = {}
    for some in batches(list(set(ids))):
        accounts = await db.scalars(select(Account).where(Account.id.in_(some)))
        found |= {account.id: account for account in accounts}
    return found


async def list_accounts(db: AsyncSession) -> Sequence[Account]:
    """Return all accounts, the oldest first."""
    return (await db.scalars(_oldest_first())).all()


def _oldest_first() -> Select[Account]:
    ordered = select(Account).order_by(Account.created_at, Account.id)
    return ordered.execution_options(populate_existing=True)


async def has_accounts(db: AsyncSession) -> bool:
    """Tell whether there is any account."""
    return await db.scalar(select(Account.id).limit(1)) is not None


async def list_admins(db: AsyncSession) -> Sequence[Account]:
    """Return the admins who can sign in, by password or passkey, the oldest first.

    People of other issuers, who have neither, are admins as far as each of their tokens says so.
    """
    can_sign_in = or_(
        exists().where(Password.account_id == Account.id),
        exists().where(Passkey.account_id == Account.id),
    )
    # The database leaves most of them out, and what it finds in the text is looked at again.
    may_be_admin = cast(Account.roles, String).contains(f'"{ADMIN}"')
    found = await db.scalars(
        _oldest_first().where(Account.disabled_at.is_(None), may_be_admin, can_sign_in)
    )
    return [account for account in found if ADMIN in account.roles]


async def set_roles(
    unit: Transaction, id: str, roles: Collection[str], version: int | None = None
) -> Account:
    """Give an account these roles and no others; tokens that say others are outdated.

    Raises `NotFound`; `Conflict` when `version` is given and is not the account's; `BadUserInput`
    when nobody who can sign in would be admin any more; `Forbidden` when a role that it does not
    have yet is beyond the actor's reach.
    """
    account = await lock_account(unit.db, id)
    unit.actor.check_reach(set(roles) - set(account.roles))
    if version is not None and version != account.version:
        raise Conflict("Somebody else changed this account meanwhile. Read it again.")
    if ADMIN in account.roles and ADMIN not in roles:
        await _keep_an_admin(unit.db, account)
    if account.roles != (wanted := sorted(set(roles))):
        account.roles = wanted
        await unit.db.flush()
        unit.publish(roles_changed(id, account.version, wanted))
        record(unit, Action.ROLES_CHANGED, account=id, roles=" ".join(wanted))
    return account


async def disable(unit: Transaction, id: str) -> Account:
    """Keep an account from signing in, and end its sessions and tokens. Raises as `set_roles` does."""
    account = await lock_account(unit.db, id)
    if ADMIN in account.roles:
        await _keep_an_admin(unit.db, account)
    account.disabled_at = moment(unit.now)
    await _end_sessions(unit, account)
    record(unit, Action.ACCOUNT_DISABLED, account=id)
    return account


async def enable(unit: Transaction, id: str) -> Account:
    """Let an account that was disabled sign in again. Raises `NotFound`, and `Forbidden` when its
    roles are beyond the actor's reach."""
    account = await lock_account(unit.db, id)
    if account.disabled_at is not None:
        unit.actor.check_reach(account.roles)
        account.disabled_at = None
        await unit.db.flush()
        record(unit, Action.ACCOUNT_ENABLED, account=id)
    return account


async def sign_out(unit: Transaction, id: str, keep: str | None = None) -> Account:
    """End all sessions and tokens of an account, wherever they are; raises `NotFound`.

    The session to `keep` goes on, and must refresh its access token.
    """
    account = await lock_account(unit.db, id)
    await _end_sessions(unit, account, keep)
    record(unit, Action.SIGNED_OUT_EVERYWHERE, account=id)
    return account


async def _end_sessions(unit: Transaction, account: Account, keep: str | None = None) -> None:
    await raise_version(unit.db, account)
    open_ones = update(Session).filter_by(account_id=account.id, revoked_at=None)
    ended = open_ones.where(Session.id != (keep or "")).values(revoked_at=moment(unit.now))
    await unit.db.execute(ended, execution_options={"synchronize_session": False})
    # What other issuers have issued for it until now knows no version.
    elsewhere = update(ExternalIdentity).filter_by(account_id=account.id)
    await unit.db.execute(elsewhere.values(revoked_at=moment(unit.now)))
    unit.publish(account_revoked(account.id, account.version, keep))


async def raise_version(db: AsyncSession, account: Account) -> None:
    """Raise an account's version, by which older tokens are known, whether anything else changed or
    not."""
    flag_modified(account, "roles")
    await db.flush()


async def lock_account(db: AsyncSession, id: str) -> Account:
    """Return an account as it is now, and keep other writers from it. Raises `NotFound`."""
    account = await db.get(Account, id, with_for_update=True, populate_existing=True)
    if account is None:
        raise NotFound("There is no such account.")
    return account


def check_takeover(unit: Transaction, account: Account) -> None:
    """Raise `Forbidden` when the actor would get a way to sign in as somebody that may do more."""
    if unit.actor.subject != account.id:
        unit.actor.check_reach(account.roles)


async def _keep_an_admin(db: AsyncSession, leaving: Account) -> None:
    # Two admins who remove each other take turns, and the second finds that nobody else is left.
    await exclusive(db, LAST_ADMIN_LOCK)
    if [account.id for account in await list_admins(db)] == [leaving.id]:
        raise BadUserInput("This is the last admin. Make somebody else admin first.", ["roles"])


def checked_address(email: str) -> str:
    """Return an e-mail address as it is kept. Raises `BadUserInput`."""
    kept = mail_address.canonical(email)
    if not mail_address.is_address(kept):
        raise BadUserInput("This is no e-mail address.", ["email"])
    return kept
