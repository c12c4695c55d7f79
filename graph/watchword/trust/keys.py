"""Caches an issuer's keys for as long as the issuer allows, and longer while it cannot be reached."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter

from watchword.config.trusted_issuer import TrustedIssuer
from watchword.errors import Unavailable
from watchword.process.background import Background
from watchword.process.clock import Clock
from watchword.tokens.jose.jwk import BadKey, Keys, read_set
from watchword.tokens.keys import VerifyingKey
from watchword.trust.discovery import Found, discover
from watchword.trust.fetch import FetchFailed, fetch, time_limit

log = logging.getLogger("watchword.trust")

# Least seconds between two requests to an issuer, however many unknown keys its tokens name.
COOL_DOWN = 10.0


class IssuerKeys:
    """The keys of one issuer, by id. Each issuer has its own cache: two issuers may use the same kid."""

    def __init__(self, issuer: TrustedIssuer, clock: Clock, background: Background) -> None:
        self.keys: Keys = {}
        self.version = 0
        self._issuer = issuer
        self._clock = clock
        self._background = background
        self._found: Found | None = None
        self._found_until = self._fresh_until = self._good_until = float("-inf")
        self._asked_at = float("-inf")
        self._is_away = False
        self._asking: asyncio.Task[None] | None = None

    async def find(self, kid: str | None) -> tuple[VerifyingKey, ...] | None:
        """Return the keys with this id (those without an id if it is None), or None when there are none.

        Asks the issuer when the keys are too old or the id is unknown: at most once in 10 seconds, with
        one request for all callers that wait. Raises `Unavailable` when there are no usable keys, and
        for an unknown id (which may belong to a new key) when the last request to the issuer failed.
        """
        if kid not in self.keys or self._clock.now() >= self._fresh_until:
            await self._ask()
        if self._clock.now() >= self._good_until or (self._is_away and kid not in self.keys):
            raise Unavailable("The identity provider of this token cannot be reached. Try again.")
        return self.keys.get(kid)

    async def renew(self) -> bool:
        """Ask the issuer for its keys, unless it was asked in the last 10 seconds. Return whether they
        have changed."""
        before = self.version
        await self._ask()
        return self.version != before

    async def _ask(self) -> None:
        if self._asking is None:
            now = self._clock.now()
            # The difference is negative if the clock was set back: then ask, instead of waiting for longer.
            if 0 <= now - self._asked_at < COOL_DOWN:
                return
            self._asked_at = now
            self._asking = self._background.spawn(f"keys of {self._issuer.name}", self._refresh())
            self._asking.add_done_callback(self._request_done)
        # Shield the request: if the first caller is cancelled, other callers still wait for the keys.
        await asyncio.shield(self._asking)

    def _request_done(self, _task: asyncio.Task[None]) -> None:
        self._asking = None

    async def _refresh(self) -> None:
        name = self._issuer.name
        self._is_away = True
        try:
            await self._fetch(self._clock.now())
            self._is_away = False
        except (FetchFailed, BadKey) as failure:
            log.warning("the keys of %s could not be fetched: %s", name, failure)
        except Exception:
            # Many callers wait for this request. Whatever failed, each of them gets `Unavailable`.
            log.exception("the keys of %s could not be fetched", name)
        if self._is_away:
            # The keys may have moved: discover their URL again at the next request.
            self._found = None

    async def _fetch(self, now: float) -> None:
        async with time_limit():
            found = await self._discovered(now)
            fetched = await fetch(found.jwks_url, self._issuer.places, now)
        keys, left_out = read_set(fetched.document, self._issuer.algorithms)
        # Log one line for each reason, not for each key. Most issuers publish keys for other uses too, so
        # warn only if no key is left: then all tokens of this issuer are refused.
        for reason, count in Counter(map(str, left_out)).items():
            level = logging.INFO if keys else logging.WARNING
            log.log(level, "a key of %s is left out: %s (%d)", self._issuer.name, reason, count)
        self._use(keys, now + fetched.seconds)

    async def _discovered(self, now: float) -> Found:
        if self._found is None or now >= self._found_until:
            self._found = await discover(self._issuer, now)
            self._found_until = now + self._found.seconds
        return self._found

    def _use(self, keys: Keys, fresh_until: float) -> None:
        if keys != self.keys:
            self.version += 1
        self.keys = keys
        self._fresh_until = fresh_until
        self._good_until = fresh_until + self._issuer.stale_seconds
