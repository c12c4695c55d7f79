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


def parameters(accept: str, media_type: str) -> list[dict[str, str]]:
    """Return the parameters of each range in the header that names this media type and accepts it.

    Names and values are in lower case, and values without quotation marks.
    """
    read = map(_pieces, accept.split(","))
    return [given for name, given in read if name == media_type and _quality_of(given) > 0]


def _pieces(part: str) -> tuple[str, dict[str, str]]:
    name, *given = (piece.strip().lower() for piece in part.split(";"))
    pairs = (each.partition("=") for each in given)
    return name, {key.strip(): value.strip().strip('"') for key, _, value in pairs}


def _range(part: str) -> tuple[str, float]:
    name, given = _pieces(part)
    return name, _quality_of(given)


def _quality_of(given: dict[str, str]) -> float:
    return _number(given["q"]) if "q" in given else 1.0


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
