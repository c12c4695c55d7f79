"""Keeps the keys of this process fresh, and rotates them when their time has come."""

from __future__ import annotations

import logging

from sqlalchemy.exc import SQLAlchemyError

from graph.errors import Unsafe, WatchwordError
from graph.identity.identity import Identity
from graph.identity.signing_keys import drop_retired, is_due, rotate_when_due
from graph.rounds import Rounds

log = logging.getLogger("watchword.tokens")

# Less than KEYS_ARE_FRESH: then nobody who signs in has to wait for a look.
EVERY_SECONDS = 20.0


class Rotation(Rounds):
    """Looks for new keys now and then, makes one when the newest is too old, and drops those whose
    last token has ended. Several processes may do so at once."""

    def __init__(self, identity: Identity) -> None:
        super().__init__(identity.clock, EVERY_SECONDS)
        self._identity = identity

    async def turn(self) -> None:
        try:
            await self._identity.refresh_keys()
            await self._tend()
        except (SQLAlchemyError, OSError, WatchwordError, Unsafe) as error:
            log.warning("the keys could not be looked after: %s", _said(error))

    async def _tend(self) -> None:
        identity = self._identity
        keys, settings, now = identity.keys, identity.settings, identity.clock.now()
        database, vault = identity.services.database, identity.services.vault
        if keys.has_retired:
            await drop_retired(database, now)
        if is_due(keys.newest, settings, now):
            made = await rotate_when_due(database, vault, settings, now)
            if made is not None:
                log.info("signing key %s was made, and signs later", made.key.kid)


def _said(error: Exception) -> str:
    # Only our own sentences are known to hold nothing secret.
    return str(error) if isinstance(error, Unsafe) else type(error).__name__
