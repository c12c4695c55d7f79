"""Clients: registered, changed, given secrets, disabled, found (RFC 6749, section 2)."""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any

from sqlalchemy import func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from watchword.auth.accounts.accounts import new_id
from watchword.auth.audit.audit import Action, record
from watchword.auth.revocation.identity_events import client_revoked
from watchword.auth.tables import Account, Session
from watchword.domain import Domain
from watchword.errors import BadUserInput, Conflict, NotFound
from watchword.oauth.clients.registration import ClientAuthMethod, Registration
from watchword.oauth.tables import Client, ClientSecret
from watchword.relay.page import Page
from watchword.relay.paginate import Order, Slice, paginate
from watchword.storage.columns import moment
from watchword.transaction import Transaction

MOST_SECRETS = 2
BY_AGE = Order("clients", (Client.created_at, Client.id), descending=False)
_ID = re.compile(r"[\x21-\x7e]{1,64}", re.ASCII)
_FIELDS = tuple(each.name for each in fields(Registration))


@dataclass(frozen=True, slots=True)
class NewSecret:
    """A secret at the one moment when it can be read."""

    id: str
    text: str = field(repr=False)


async def add_client(unit: Transaction, domain: Domain, asked: Registration) -> Client:
    """Register a client. Raises `BadUserInput`, and `Forbidden` when it may do more than the actor."""
    checked = asked.checked(domain)
    unit.actor.check_reach(checked.roles, checked.scopes)
    # Random, so that no client is ever taken for an account, or for our own sign-in (RFC 9068,
    # section 5). It never begins with a dash, which the command line would misunderstand.
    client = Client(id=f"client_{new_id()}", created_at=moment(unit.now), **_values(checked))
    unit.db.add(client)
    await unit.db.flush()
    record(unit, Action.CLIENT_ADDED, client=client.id, **_words(checked, _FIELDS))
    return client


async def change_client(
    unit: Transaction,
    domain: Domain,
    id: str,
    changes: Mapping[str, Any],
    version: int | None = None,
) -> Client:
    """Change what is named, and leave the rest. What takes something away ends the client's tokens.

    Its sessions go on: at the next refresh their tokens say what the client still may. Raises
    `NotFound`, `BadUserInput`, `Conflict` when `version` is given and is not the client's, and
    `Forbidden` when it may do more than the actor, before or after.
    """
    client = await _lock(unit, id, version)
    before = registration(client)
    after = replace(before, **changes).checked(domain)
    # Another redirect URI or key of a client that may do more is a way to become it.
    for each in (before, after):
        unit.actor.check_reach(each.roles, each.scopes)
    if after.authentication != before.authentication:
        raise BadUserInput(
            "How a client authenticates stays as it is. Register another one.",
            ["input", "authentication"],
        )
    changed = [name for name in _FIELDS if getattr(after, name) != getattr(before, name)]
    if not changed:
        return client
    for name in changed:
        setattr(client, name, getattr(after, name))
    await unit.db.flush()
    record(unit, Action.CLIENT_CHANGED, client=id, **_words(after, changed))
    if after.takes_from(before):
        unit.publish(client_revoked(id, client.version))
    return client


async def disable_client(unit: Transaction, id: str) -> Client:
    """Refuse a client from now on, and end all that it was ever given. Raises `NotFound`."""
    client = await _lock(unit, id, is_alive=False)
    if client.disabled_at is None:
        client.disabled_at = moment(unit.now)
        await _end(unit, client)
        record(unit, Action.CLIENT_DISABLED, client=id)
    return client


async def revoke_client(unit: Transaction, id: str) -> Client:
    """End all sessions and tokens of a client, which may then ask for new ones: for a secret or a key
    that somebody else knows. Raises `NotFound` and `BadUserInput`."""
    client = await _lock(unit, id)
    await _end(unit, client)
    record(unit, Action.TOKEN_REVOKED, client=id)
    return client


async def add_secret(unit: Transaction, id: str) -> NewSecret:
    """Give a client a secret: its second one while the first is still in use somewhere.

    Raises `NotFound`, `BadUserInput` when it has two already, or authenticates otherwise, and
    `Forbidden` when the client may do more than the actor.
    """
    client = await _lock(unit, id)
    # A holder of the secret can act as the client.
    unit.actor.check_reach(client.roles, client.scopes)
    if client.authentication != ClientAuthMethod.SECRET:
        raise BadUserInput("This client does not authenticate by a secret.", ["client"])
    if len(await secrets_of(unit.db, id)) >= MOST_SECRETS:
        raise BadUserInput(
            f"A client has at most {MOST_SECRETS} secrets. Remove the one that is not in use.",
            ["client"],
        )
    made = NewSecret(f"secret_{new_id()}", secrets.token_urlsafe(32))
    unit.db.add(
        ClientSecret(id=made.id, client_id=id, hash=_hash(made.text), created_at=moment(unit.now))
    )
    await unit.db.flush()
    record(unit, Action.CLIENT_SECRET_ADDED, client=id, secret=made.id)
    return made


async def remove_secret(unit: Transaction, id: str, secret: str) -> Client:
    """Take a secret away from a client; the tokens that it got with it live on. Raises `NotFound`."""
    client = await _lock(unit, id, is_alive=False)
    known = await secrets_of(unit.db, id)
    found = next((each for each in known if each.id == secret), None)
    if found is None:
        raise NotFound("The client has no such secret.")
    await unit.db.delete(found)
    await unit.db.flush()
    record(unit, Action.CLIENT_SECRET_REMOVED, client=id, secret=secret)
    return client


async def find_client(db: AsyncSession, id: str) -> Client | None:
    """Find a client that is not disabled."""
    client = await db.get(Client, id) if _ID.fullmatch(id) else None
    return None if client is None or client.disabled_at is not None else client


async def get_client(db: AsyncSession, id: str, *, is_locked: bool = False) -> Client:
    """Return a client as it is now, also one that is disabled; keep other writers from it if
    `is_locked`. Raises `NotFound`."""
    client = None
    if _ID.fullmatch(id):
        client = await db.get(Client, id, with_for_update=is_locked, populate_existing=True)
    if client is None:
        raise NotFound("There is no such client.")
    return client


async def secrets_of(db: AsyncSession, *ids: str) -> Sequence[ClientSecret]:
    """Return the secrets of clients, the oldest first."""
    found = await db.execute(
        select(ClientSecret)
        .where(ClientSecret.client_id.in_(ids))
        .order_by(ClientSecret.created_at, ClientSecret.id)
    )
    return found.scalars().all()


def knows(known: Sequence[ClientSecret], text: str) -> bool:
    """Tell whether a text is one of these secrets; it takes the same time for each of them, and for
    none."""
    digest = _hash(text)
    good = [hmac.compare_digest(secret.hash, digest) for secret in known]
    return any(good)


async def page_of_clients(db: AsyncSession, page: Page) -> Slice[Client]:
    """Read one page of all clients, the oldest first, disabled ones among them."""
    return await paginate(db, select(Client), BY_AGE, page)


async def count_clients(db: AsyncSession) -> int:
    """Count all clients."""
    return (await db.execute(select(func.count()).select_from(Client))).scalar_one()


async def scopes_left(
    db: AsyncSession, domain: Domain, client: Client, granted: Session
) -> frozenset[str]:
    """Return which of its scopes a client's session still gives: what its person and the client may."""
    account = await db.get_one(Account, granted.account_id)
    may = domain.scopes(frozenset(account.roles)) & frozenset(client.scopes)
    return may & frozenset((granted.scope or "").split())


def registration(client: Client) -> Registration:
    """Return what was decided about a client."""
    return Registration(**{name: getattr(client, name) for name in _FIELDS})


async def _lock(
    unit: Transaction, id: str, version: int | None = None, is_alive: bool = True
) -> Client:
    """Return a client as it is now, and keep other writers from it."""
    client = await get_client(unit.db, id, is_locked=True)
    if is_alive and client.disabled_at is not None:
        raise BadUserInput("This client is disabled. Register another one.", ["client"])
    if version is not None and version != client.version:
        raise Conflict("Somebody else changed this client meanwhile. Read it again.")
    return client


async def _end(unit: Transaction, client: Client) -> None:
    # Older tokens are known by their version, and so are codes that were not exchanged yet.
    client.ended_version = client.version + 1
    await unit.db.flush()
    alive = update(Session).filter_by(client_id=client.id, revoked_at=None)
    ended = alive.values(revoked_at=moment(unit.now))
    await unit.db.execute(ended, execution_options={"synchronize_session": False})
    # One event for all of its sessions, of which there may be a million.
    unit.publish(client_revoked(client.id, client.version))


def _values(checked: Registration) -> dict[str, Any]:
    return {name: getattr(checked, name) for name in _FIELDS}


def _words(checked: Registration, names: Sequence[str]) -> dict[str, str]:
    """Return what was decided as the audit log keeps it."""
    values = {name: getattr(checked, name) for name in names if name != "jwks"}
    said = {
        name: " ".join(value) if isinstance(value, list) else str(value)
        for name, value in values.items()
    }
    if "jwks" in names and checked.jwks:
        said["jwks"] = " ".join(str(key["kid"]) for key in checked.jwks["keys"])
    return said


def _hash(secret: str) -> str:
    # 256 random bits need no salt and no slow hash: nobody can try them all.
    return hashlib.sha256(secret.encode()).hexdigest()
