"""Known devices: where an account has signed in before (OWASP, "Slow Down Online Guessing Attacks with
Device Cookies").

A sign-in gives the device a token that we signed. A device that shows its token has a limit of its own.
So the owner gets in with the right password while an attacker uses up the limit of the account, and a
thief of the token has the few guesses of one device. The token is no credential. It is good for one
account, until that has another password, and for 400 days, as long as browsers keep a cookie.
"""

from __future__ import annotations

import hmac
import re
from base64 import urlsafe_b64encode
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, select, true
from sqlalchemy.ext.asyncio import AsyncSession

from watchword.auth.tables import Account, Password
from watchword.storage.vault import Vault

COOKIE = "__Host-watchword-device"
# RFC 6265bis, section 5.5: no browser keeps a cookie for longer.
SECONDS = 400 * 86_400
MOST = 5
"""Accounts that one browser is remembered for: the tokens share a cookie, which has few places."""
_FORM = re.compile(r"([\w-]{1,32})\.([\w-]{1,32})\.(\d{1,20})\.(\d{1,12})\.([\w-]{43})", re.ASCII)
_BETWEEN = "~"


@dataclass(frozen=True, slots=True)
class Known:
    """A device that an account knows: `id` is counted, `epoch` says which password it is from."""

    account: str
    id: str
    epoch: int


def in_cookie(cookie: str) -> list[str]:
    """Return the tokens in a cookie, the newest first."""
    return cookie.split(_BETWEEN)[:MOST] if cookie else []


def with_token(tokens: Sequence[str], token: str) -> str:
    """Return the cookie of a browser that had these tokens, and has another one now."""
    account = token.partition(".")[0]
    others = [
        each for each in tokens if _FORM.fullmatch(each) and not each.startswith(f"{account}.")
    ]
    return _BETWEEN.join([token, *others][:MOST])


async def find(
    db: AsyncSession,
    vault: Vault,
    tokens: Sequence[str],
    now: float,
    whose: ColumnElement[bool] | None = None,
) -> Known | None:
    """Return the device that one of these tokens was given to; None if no token is good.

    `whose` is the account that it must be of, any when it is not given; `now` is in Unix seconds. The
    database is asked only about tokens that we signed.
    """
    signed = {each.account: each for each in _signed(vault, tokens, now)}
    if not signed:
        return None
    found = select(Account.id, Password.changed_at).outerjoin(Password)
    rows = await db.execute(
        found.where(Account.id.in_(list(signed)), true() if whose is None else whose)
    )
    current = [signed[id] for id, at in rows.all() if signed[id].epoch == _epoch(at)]
    return current[0] if current else None


async def token_for(db: AsyncSession, vault: Vault, account: str, device: str, now: float) -> str:
    """Return a token for a device of an account. `device` names it: the session that was opened there,
    so that a session's device is one however often it asks."""
    at = await db.scalar(select(Password.changed_at).filter_by(account_id=account))
    said = f"{account}.{device}.{_epoch(at)}.{int(now)}"
    return f"{said}.{next(_signatures(vault, said))}"


def _signed(vault: Vault, tokens: Sequence[str], now: float) -> Iterator[Known]:
    for token in tokens[:MOST]:
        match = _FORM.fullmatch(token)
        if match is None:
            continue
        account, device, epoch, made, signature = match.groups()
        said = token.rpartition(".")[0]
        good = [hmac.compare_digest(signature, ours) for ours in _signatures(vault, said)]
        if any(good) and now < int(made) + SECONDS:
            yield Known(account, device, int(epoch))


def _epoch(changed_at: datetime | None) -> int:
    """Return a number that is another for each password of an account; 0 while it has none."""
    return 0 if changed_at is None else round(changed_at.timestamp() * 1_000_000)


def _signatures(vault: Vault, said: str) -> Iterator[str]:
    for digest in vault.signatures("known device", said.encode()):
        yield urlsafe_b64encode(digest).rstrip(b"=").decode()
