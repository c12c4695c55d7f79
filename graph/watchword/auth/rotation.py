"""Refreshes the signing keys of this process periodically, and rotates them when they are due."""

from __future__ import annotations

import logging

from watchword.auth.keys.signing_keys import drop_retired, is_due, rotate_when_due
from watchword.auth.service import AuthService
from watchword.errors import Unavailable
from watchword.process.background import Background

log = logging.getLogger("watchword.tokens")

# Seconds between two queries. Less than KEYS_ARE_FRESH, so that no sign-in has to wait for one.
EVERY_SECONDS = 20.0


class Rotation:
    """Queries for new keys periodically, makes one when the newest is too old, and deletes keys whose last
    token has expired. Several processes may run it at the same time."""

    def __init__(self, auth: AuthService) -> None:
        self._auth = auth

    def open(self, background: Background) -> None:
        """Start the periodic task; it runs until the background is closed."""
        background.every(EVERY_SECONDS, "the rotation of the signing keys", self.turn)

    async def turn(self) -> None:
        """Query, rotate and delete once. Raises `Unavailable` when the database is away."""
        auth = self._auth
        await auth.refresh_keys()
        if auth.keys.last_query_failed:
            raise Unavailable("The database cannot be asked just now.")
        keys, settings, now = auth.keys, auth.settings, auth.clock.now()
        database, vault = auth.services.database, auth.services.vault
        if keys.has_retired:
            await drop_retired(database, now)
        if is_due(keys.newest, settings, now):
            made = await rotate_when_due(database, vault, settings, now)
            if made is not None:
                log.info("signing key %s was made; it signs later", made.key.kid)
