"""Clients (RFC 6749, section 2): register, change, disable and find them, and manage their secrets."""

from __future__ import annotations

import hmac
import re
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
from watchword.tokens.opaque import generate, stored_hash
from watchword.transaction import Transaction

MOST_SECRETS = 2
BY_AGE = Order("clients", (Client.created_at, Client.id), descending=False)
_ID = re.compile(r"[\x21-\x7e]{1,64}", re.ASCII)
_FIELDS = tuple(each.name for each in fields(Registration))


@dataclass(frozen=True, slots=True)
class NewSecret:
    """A new secret. Its text cannot be read again: the database contains only its hash."""

    id: str
    text: str = field(repr=False)


async def add_client(unit: Transaction, domain: Domain, asked: Registration) -> Client:
    """Register a client. Raises `BadUserInput`, and `Forbidden` if the client may do more than the actor."""
    checked = asked.checked(domain)
    unit.actor.check_reach(checked.roles, checked.scopes)
    # The id is random, so that it never equals the id of an account or of our own sign-in (RFC 9068,
    # section 5). It never begins with a dash, which the command line would take for an option.
    client = Client(id=f"client_{new_id()}", created_at=moment(unit.now), **_values(checked))
    unit.db.add(client)
    await unit.db.flush()
    record(unit, Action.CLIENT_ADDED, client=client.id, **_audit_texts(checked, _FIELDS))
    return client


async def change_client(
    unit: Transaction,
    domain: Domain,
    id: str,
    changes: Mapping[str, Any],
    version: int | None = None,
) -> Client:
    """Change the named members of a client. If it loses something, its access tokens end at once.

    Its sessions stay open; the next refresh gives tokens with the scopes that the client still has. Raises
    `NotFound`, `BadUserInput`, `Conflict` when `version` is given and is not the client's, and
    `Forbidden` if the client may do more than the actor, before or after the change.
    """
    client = await _lock(unit, id, version)
    before = registration(client)
    after = replace(before, **changes).checked(domain)
    # Check the client as it was too: by setting a redirect URI or a key, the actor could act as the client.
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
    record(unit, Action.CLIENT_CHANGED, client=id, **_audit_texts(after, changed))
    if after.takes_from(before):
        unit.publish(client_revoked(id, client.version))
    return client


async def disable_client(unit: Transaction, id: str) -> Client:
    """Disable a client for good, and end its sessions and tokens. Raises `NotFound`."""
    client = await _lock(unit, id, is_alive=False)
    if client.disabled_at is None:
        client.disabled_at = moment(unit.now)
        await _revoke_all(unit, client)
        record(unit, Action.CLIENT_DISABLED, client=id)
    return client


async def revoke_client(unit: Transaction, id: str) -> Client:
    """End all sessions and tokens of a client, which may request new ones.

    For use after a secret or a key has leaked. Raises `NotFound` and `BadUserInput`.
    """
    client = await _lock(unit, id)
    await _revoke_all(unit, client)
    record(unit, Action.TOKEN_REVOKED, client=id)
    return client


async def add_secret(unit: Transaction, id: str) -> NewSecret:
    """Add a secret to a client. A client may have two, so that the old one works until it is replaced.

    Raises `NotFound`, `BadUserInput` when it has two already or does not authenticate by a secret, and
    `Forbidden` if the client may do more than the actor.
    """
    client = await _lock(unit, id)
    # The actor will know the secret, and can then act as the client.
    unit.actor.check_reach(client.roles, client.scopes)
    if client.authentication != ClientAuthMethod.SECRET:
        raise BadUserInput("This client does not authenticate by a secret.", ["client"])
    if len(await secrets_of(unit.db, id)) >= MOST_SECRETS:
        raise BadUserInput(
            f"A client has at most {MOST_SECRETS} secrets. Remove the one that is not in use.",
            ["client"],
        )
    made = NewSecret(f"secret_{new_id()}", generate())
    unit.db.add(
        ClientSecret(
            id=made.id, client_id=id, hash=stored_hash(made.text), created_at=moment(unit.now)
        )
    )
    await unit.db.flush()
    record(unit, Action.CLIENT_SECRET_ADDED, client=id, secret=made.id)
    return made


async def remove_secret(unit: Transaction, id: str, secret: str) -> Client:
    """Remove a secret of a client. Tokens that it got with the secret stay valid. Raises `NotFound`."""
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
    """Return a client by its id; None if there is none, or it is disabled."""
    client = await db.get(Client, id) if _ID.fullmatch(id) else None
    return None if client is None or client.disabled_at is not None else client


async def get_client(db: AsyncSession, id: str, *, is_locked: bool = False) -> Client:
    """Return a client with its present values, even if it is disabled. Raises `NotFound`.

    `is_locked` locks its row against other writers until the transaction ends.
    """
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


def matches_secret(known: Sequence[ClientSecret], text: str) -> bool:
    """Tell whether a text is one of these secrets. The time does not show which one."""
    digest = stored_hash(text)
    good = [hmac.compare_digest(secret.hash, digest) for secret in known]
    return any(good)


async def page_of_clients(db: AsyncSession, page: Page) -> Slice[Client]:
    """Read one page of all clients, the oldest first, including disabled ones."""
    return await paginate(db, select(Client), BY_AGE, page)


async def count_clients(db: AsyncSession) -> int:
    """Count all clients."""
    return (await db.execute(select(func.count()).select_from(Client))).scalar_one()


async def scopes_left(
    db: AsyncSession, domain: Domain, client: Client, granted: Session
) -> frozenset[str]:
    """Return the scopes of a client's session that both the person and the client may still have."""
    account = await db.get_one(Account, granted.account_id)
    may = domain.scopes(frozenset(account.roles)) & frozenset(client.scopes)
    return may & frozenset((granted.scope or "").split())


def registration(client: Client) -> Registration:
    """Return the registration of a client."""
    return Registration(**{name: getattr(client, name) for name in _FIELDS})


async def _lock(
    unit: Transaction, id: str, version: int | None = None, is_alive: bool = True
) -> Client:
    """Return a client and lock its row. Raises when it is disabled (unless `is_alive` is False)."""
    client = await get_client(unit.db, id, is_locked=True)
    if is_alive and client.disabled_at is not None:
        raise BadUserInput("This client is disabled. Register another one.", ["client"])
    if version is not None and version != client.version:
        raise Conflict("Somebody else changed this client meanwhile. Read it again.")
    return client


async def _revoke_all(unit: Transaction, client: Client) -> None:
    # Tokens, and codes that were not exchanged yet, contain the client's version: older ones are refused.
    client.ended_version = client.version + 1
    await unit.db.flush()
    alive = update(Session).filter_by(client_id=client.id, revoked_at=None)
    ended = alive.values(revoked_at=moment(unit.now))
    await unit.db.execute(ended, execution_options={"synchronize_session": False})
    # Publish one event for all sessions together: there may be a million.
    unit.publish(client_revoked(client.id, client.version))


def _values(checked: Registration) -> dict[str, Any]:
    return {name: getattr(checked, name) for name in _FIELDS}


def _audit_texts(checked: Registration, names: Sequence[str]) -> dict[str, str]:
    """Return these members as texts for the audit log; of keys, only their ids."""
    values = {name: getattr(checked, name) for name in names if name != "jwks"}
    said = {
        name: " ".join(value) if isinstance(value, list) else str(value)
        for name, value in values.items()
    }
    if "jwks" in names and checked.jwks:
        said["jwks"] = " ".join(str(key["kid"]) for key in checked.jwks["keys"])
    return said
