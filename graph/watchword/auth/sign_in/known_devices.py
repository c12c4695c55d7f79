"""Known devices: the devices on which an account has signed in before (OWASP, "Slow Down Online Guessing
Attacks with Device Cookies").

A sign-in gives the device a token that we signed. Attempts from a device with a token have a limit of their
own. The owner can therefore sign in while an attacker uses up the limit of the account, and a thief of the
token gets only the few guesses of one device. The token is no credential. It is valid for one account until
its password changes, and for 400 days at most, which is as long as browsers keep a cookie.
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
# RFC 6265bis, section 5.5: browsers keep no cookie for longer.
SECONDS = 400 * 86_400
MOST = 5
"""Most tokens in one browser, each for another account: they share one cookie."""
_FORM = re.compile(r"([\w-]{1,32})\.([\w-]{1,32})\.(\d{1,20})\.(\d{1,12})\.([\w-]{43})", re.ASCII)
_BETWEEN = "~"


@dataclass(frozen=True, slots=True)
class KnownDevice:
    """A known device of an account.

    Attempts are counted by `id`. `epoch` identifies the password that was valid when the token was issued.
    """

    account: str
    id: str
    epoch: int


def in_cookie(cookie: str) -> list[str]:
    """Return the tokens in a cookie, the newest first."""
    return cookie.split(_BETWEEN)[:MOST] if cookie else []


def with_token(tokens: Sequence[str], token: str) -> str:
    """Return the cookie with these tokens and a new one, which replaces the old one of the same account."""
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
    is_account: ColumnElement[bool] | None = None,
) -> KnownDevice | None:
    """Return the device that one of these tokens was issued to; None if no token is valid.

    `is_account` restricts it to an account; `now` is in Unix seconds. Makes no query if no token has our
    signature.
    """
    signed = {each.account: each for each in _signed(vault, tokens, now)}
    if not signed:
        return None
    found = select(Account.id, Password.changed_at).outerjoin(Password)
    rows = await db.execute(
        found.where(Account.id.in_(list(signed)), true() if is_account is None else is_account)
    )
    current = [signed[id] for id, at in rows.all() if signed[id].epoch == _epoch(at)]
    return current[0] if current else None


async def token_for(db: AsyncSession, vault: Vault, account: str, device: str, now: float) -> str:
    """Return a token for a device of an account.

    `device` is the id of the session that was opened on it, so that all tokens of one session name the
    same device.
    """
    at = await db.scalar(select(Password.changed_at).filter_by(account_id=account))
    payload = f"{account}.{device}.{_epoch(at)}.{int(now)}"
    return f"{payload}.{next(_signatures(vault, payload))}"


def _signed(vault: Vault, tokens: Sequence[str], now: float) -> Iterator[KnownDevice]:
    for token in tokens[:MOST]:
        match = _FORM.fullmatch(token)
        if match is None:
            continue
        account, device, epoch, made, signature = match.groups()
        payload = token.rpartition(".")[0]
        good = [hmac.compare_digest(signature, ours) for ours in _signatures(vault, payload)]
        if any(good) and now < int(made) + SECONDS:
            yield KnownDevice(account, device, int(epoch))


def _epoch(changed_at: datetime | None) -> int:
    """Return a number that changes with each password of an account; 0 if it has none."""
    return 0 if changed_at is None else round(changed_at.timestamp() * 1_000_000)


def _signatures(vault: Vault, payload: str) -> Iterator[str]:
    for digest in vault.signatures("known device", payload.encode()):
        yield urlsafe_b64encode(digest).rstrip(b"=").decode()
