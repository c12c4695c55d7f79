"""Who is asking, as a frozen value. Knows neither tokens nor frameworks."""

from __future__ import annotations

import math
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Grants:
    """The part of a principal that permissions read. Never who."""

    roles: frozenset[str] = frozenset()
    scopes: frozenset[str] = frozenset()
    tenant: str | None = None


@dataclass(frozen=True, slots=True)
class Principal:
    """Who is asking, with what, and until when.

    `subject` is the account's id (claim `sub`), `session` the sign-in it came from (`sid`),
    `client` the OAuth client (`client_id`), `token_id` the token (`jti`). `expires_at` and
    `issued_at` are Unix seconds.
    """

    subject: str
    grants: Grants = field(default_factory=Grants)
    client: str | None = None
    session: str | None = None
    token_id: str | None = None
    issued_at: float = 0.0
    expires_at: float = math.inf

    @property
    def is_anonymous(self) -> bool:
        """Say whether nobody is signed in."""
        return not self.subject


ANONYMOUS = Principal(subject="")
"""Nobody in particular: sees what is public, for as long as it likes."""
