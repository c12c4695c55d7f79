"""Content negotiation by the Accept header (RFC 9110, section 12.5.1). Pure.

Clients send few different headers, and reading one costs more than all the rest of a request's head. So the
results for the last headers are cached; those that are longer than `LONGEST_CACHED` never are.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

# The most cached results, and the longest cached header in characters: together they bound the cache.
MOST_CACHED = 512
LONGEST_CACHED = 512


def choose(accept: str, offers: tuple[str, ...]) -> str | None:
    """Return the offer that the Accept header prefers, or None when it accepts none of them.

    Of equally preferred offers the first wins. An absent (empty) header accepts everything.
    """
    return (_cached if len(accept) <= LONGEST_CACHED else _choose)(accept, offers)


def _choose(accept: str, offers: tuple[str, ...]) -> str | None:
    ranges = [_range(part) for part in accept.split(",") if part.strip()]
    if not ranges:
        return offers[0]
    qualities = {offer: _quality(offer, ranges) for offer in offers}
    best = max(offers, key=lambda offer: qualities[offer])
    return best if qualities[best] > 0 else None


_cached = lru_cache(MOST_CACHED)(_choose)


def names(accept: str, media_type: str) -> bool:
    """Tell whether the header names this media type itself, and not only by a wildcard."""
    if media_type not in accept.lower():
        return False
    return any(name == media_type and q > 0 for name, q in map(_range, accept.split(",")))


def _range(part: str) -> tuple[str, float]:
    name, *parameters = (piece.strip().lower() for piece in part.split(";"))
    for parameter in parameters:
        key, _, value = parameter.partition("=")
        if key.strip() == "q":
            return name, _number(value.strip())
    return name, 1.0


def _number(value: str) -> float:
    try:
        return min(1.0, max(0.0, float(value)))
    except ValueError:
        return 0.0


def _quality(offer: str, ranges: Sequence[tuple[str, float]]) -> float:
    kind = offer.partition("/")[0]
    for pattern in (offer, f"{kind}/*", "*/*"):
        found = [q for name, q in ranges if name == pattern]
        if found:
            return max(found)
    return 0.0
