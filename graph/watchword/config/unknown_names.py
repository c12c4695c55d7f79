"""Finds names in the environment that look like settings and are none: former names, and mistyped ones.

A setting that is not read would leave a limit at its default, and nobody would notice. Names that resemble no setting
may be of other tools, and are left alone.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from difflib import get_close_matches

FORMER = {"max_objects": "max_cost"}
"""Names of settings that were replaced, with those that have replaced them."""
# How much of a name must be that of a setting, from 0 to 1: one or two letters may differ.
CLOSE = 0.85


def mistaken(names: Iterable[str], prefix: str, known: Collection[str]) -> list[str]:
    """Return a sentence for each name that was meant for one of the `known` settings."""
    found = []
    for name in sorted(set(names)):
        lowered = name.lower()
        field = lowered.removeprefix(prefix.lower())
        if field == lowered or field in known:
            continue
        if field in FORMER:
            now = f"{prefix}{FORMER[field].upper()}"
            found.append(f"{name} is not read any more: {now} has replaced it. Rename it.")
        elif close := get_close_matches(field, known, n=1, cutoff=CLOSE):
            found.append(
                f"{name} is no setting. Did you mean {prefix}{close[0].upper()}? Otherwise remove it."
            )
    return found
