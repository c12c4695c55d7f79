"""Notes that a credential was refused: in the log, and in the counts of this process by the rule that it broke.

Neither has anything of the credential itself. All rules are texts of ours, except the names of a trusted issuer's
claims, which its operator chose.
"""

from __future__ import annotations

import logging
from collections import Counter

log = logging.getLogger("watchword.tokens")

counts: Counter[tuple[str, str]] = Counter()
"""How many credentials this process has refused, by their kind and the rule."""


def note(kind: str, rule: str) -> None:
    """Note that a credential of a kind, such as `token` or `proof`, was refused by a rule."""
    counts[kind, rule] += 1
    log.info("a %s was refused by the rule: %s", kind, rule)
