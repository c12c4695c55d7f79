"""Decides which requests are traced: once for each, where it begins.

A caller's `traceparent` can say that its request is sampled. Anybody can send that, so it counts only for so many
requests in a second; all others are sampled at random, whatever their traceparent says.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from watchword.errors import Unsafe

SAMPLER, ARGUMENT = "OTEL_TRACES_SAMPLER", "OTEL_TRACES_SAMPLER_ARG"
_PARENT_BASED = "parentbased_"
_FIXED = {"always_on": 1.0, "always_off": 0.0}


@dataclass(frozen=True, slots=True)
class Choice:
    """How requests are sampled. `ratio` is the share that is sampled at random; None leaves each to the sampler of
    the tracer provider. `follows_callers` says whether a caller's decision counts."""

    ratio: float | None
    follows_callers: bool = True


def choice(environment: Mapping[str, str], ratio: float) -> Choice:
    """Return how requests are sampled: as OTEL_TRACES_SAMPLER says, and if it says nothing, by this ratio.

    Raises `Unsafe` if OTEL_TRACES_SAMPLER_ARG is not a ratio where one is needed.
    """
    name = environment.get(SAMPLER, "").strip().lower()
    if not name:
        return Choice(ratio)
    kind = name.removeprefix(_PARENT_BASED)
    if kind == "traceidratio":
        return Choice(_argument(environment), name != kind)
    return Choice(_FIXED.get(kind), name != kind)


def _argument(environment: Mapping[str, str]) -> float:
    try:
        ratio = float(environment.get(ARGUMENT, "").strip() or 1)
    except ValueError:
        ratio = -1.0
    if not 0 <= ratio <= 1:
        raise Unsafe(f"{ARGUMENT} must be a number from 0 to 1.")
    return ratio


class Budget:
    """Allows so many things in a second, and at most that many (or one) at once."""

    def __init__(self, per_second: float, now: Callable[[], float]) -> None:
        """`now` returns a time in seconds."""
        self._per_second = per_second
        self._most = max(per_second, 1.0) if per_second else 0.0
        self._left = self._most
        self._now = now
        self._at = now()

    @property
    def is_open(self) -> bool:
        """Whether it ever allows anything."""
        return self._per_second > 0

    def take(self) -> bool:
        """Take one; return False if none is left now."""
        now = self._now()
        # A clock that was set back adds nothing.
        self._left = min(self._most, self._left + max(0.0, now - self._at) * self._per_second)
        self._at = now
        if self._left < 1:
            return False
        self._left -= 1
        return True


class Sampling:
    """Decides about requests. `callers` is the budget of those that are sampled because their caller says so."""

    def __init__(
        self,
        choice: Choice,
        callers: Budget,
        rand: Callable[[], float] = random.random,
    ) -> None:
        self.follows_callers = choice.follows_callers and callers.is_open
        self._callers = callers
        # A request is chosen if `random()` is less than `ratio`. The middleware compares them itself.
        self.random = rand
        # Without a ratio, the provider's sampler is asked about each request.
        self.ratio = 1.0 if choice.ratio is None else choice.ratio

    def follows(self) -> bool:
        """Whether to sample a request because its caller says that it is sampled. Takes one from the budget."""
        return self._callers.take()

    def chooses(self) -> bool:
        """Whether to sample a request that is sampled at random."""
        return self.random() < self.ratio
