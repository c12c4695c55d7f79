"""Bodies as gzip has them, for clients that take them so (RFC 9110, section 12.5.3). Pure.

The public page holds no secret, so its length tells an attacker nothing.
"""

from __future__ import annotations

import gzip

ENCODING = "gzip"
# Below this many bytes a body is sent in one packet anyway.
LEAST_BYTES = 1_000
# A higher level takes three times as long, and saves a fiftieth.
LEVEL = 6


def takes_gzip(accepted: str) -> bool:
    """Tell whether a client with this Accept-Encoding takes gzip."""
    weights = dict(_weighed(each) for each in accepted.lower().split(","))
    return weights.get(ENCODING, weights.get("*", False))


def _weighed(part: str) -> tuple[str, bool]:
    """Return the coding of a part of the header, and whether its weight is above 0."""
    name, _, weight = part.partition(";")
    _, _, number = weight.partition("=")
    return name.strip(), number.strip(" 0.") != "" or not number


def gzipped(body: bytes) -> bytes | None:
    """Return the body as gzip has it, the same for the same body; None where that is no gain."""
    made = gzip.compress(body, LEVEL, mtime=0) if len(body) >= LEAST_BYTES else body
    return made if len(made) < len(body) else None
