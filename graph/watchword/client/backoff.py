"""How long to wait before the next attempt to connect."""

from __future__ import annotations

import random
from collections.abc import Callable

# Seconds: the first pause is up to SHORTEST, each next one up to twice as long, and none longer than LONGEST.
SHORTEST = 1.0
LONGEST = 30.0
# Seconds that a server may ask for. A proxy that asks for a year must not end the subscriptions for a year.
MOST_ASKED = 3_600.0


class Backoff:
    """Counts failures in a row, and spreads the attempts that follow them.

    The pauses are random ("full jitter"), so that all clients of a server that restarts do not come back at
    one moment. `chance` returns a number from 0 to 1.
    """

    def __init__(self, chance: Callable[[], float] = random.random) -> None:
        self._chance = chance
        self.failures = 0

    def failed(self) -> None:
        """Count a failure."""
        self.failures += 1

    def reset(self) -> None:
        """Forget the failures, because a connection has lasted."""
        self.failures = 0

    def pause(self, least: float = 0.0) -> float:
        """Return the seconds to wait: none before the first failure, and otherwise at least `least`.

        `least` is what the server asks for, up to `MOST_ASKED`.
        """
        least = min(least, MOST_ASKED)
        if not self.failures:
            return least
        # The exponent is bounded, or a server that is away for days would make it overflow.
        longest = min(LONGEST, SHORTEST * (1 << min(self.failures - 1, 10)))
        return least + self._chance() * longest
