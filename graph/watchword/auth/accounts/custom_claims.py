"""The claims that the mounted domain adds to the tokens of an account (`Domain.claims`)."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from watchword.auth.accounts.accounts import info_of
from watchword.auth.tables import Account
from watchword.context import Services
from watchword.errors import Unavailable
from watchword.formats.frozen_json import EMPTY, FrozenObject
from watchword.hooks import answer_of
from watchword.process.deadline import within
from watchword.throttling.ceiling import most
from watchword.tokens.claims import LONGEST_NAME, REGISTERED

log = logging.getLogger("watchword.tokens")

LONGEST = 2_000
"""The most bytes of JSON that custom claims may take. Each request carries them."""


class Unusable(ValueError):
    """`Domain.claims` returned what cannot be in a token."""


async def custom_claims(services: Services, account: Account) -> FrozenObject:
    """Return what `Domain.claims` says of an account; nothing without such a hook.

    The hook may take as long as an operation. Raises `Unavailable`, and logs why, when it fails or returns what
    cannot be in a token.
    """
    hook = services.domain.claims
    if hook is None:
        return EMPTY
    try:
        work = answer_of(hook(info_of(account)))
        return checked(
            await within(services.clock, most(services.settings, "operation_seconds"), work)
        )
    except Exception as error:
        log.error(
            "no token is issued for the account %s: Domain.claims failed: %s",
            account.id,
            error,
            exc_info=None if isinstance(error, Unusable) else error,
        )
        raise Unavailable("The claims of this account cannot be told just now.") from error


def checked(claims: Mapping[str, Any]) -> FrozenObject:
    """Return claims that may be in a token. Raises `Unusable` for others, and says which."""
    if not isinstance(claims, Mapping):
        raise Unusable(f"it returned no mapping of claims, but {type(claims).__name__}")
    for name in claims:
        _check_name(name)
    try:
        made = FrozenObject(claims)
    except TypeError as error:
        raise Unusable(f"it returned what JSON cannot represent: {error}") from error
    if made.size > LONGEST:
        raise Unusable(f"its claims take {made.size} bytes, and {LONGEST} are allowed")
    return made


def _check_name(name: object) -> None:
    if not isinstance(name, str) or not 0 < len(name) <= LONGEST_NAME or not name.isprintable():
        raise Unusable(f"it returned the claim {name!r}, which is no name")
    if name in REGISTERED:
        raise Unusable(
            f"it returned the claim {name!r}, whose meaning is fixed (RFC 7519, RFC 9068, or Watchword's own)."
            " Choose another name"
        )
