"""Who does something, for the audit log, and what it may give to others. Knows no framework."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field

from watchword.errors import Forbidden
from watchword.principal import Grants


@dataclass(frozen=True, slots=True)
class Actor:
    """Who does something, from which session, by which client and from which address.

    `subject` is an account's id or a client's; None for somebody who is not known yet, and for the
    server itself. `reach` is what it may give to others; None for everything.
    """

    subject: str | None = None
    session: str | None = None
    client: str | None = None
    address: str = ""
    reach: Grants | None = field(default_factory=Grants)

    def check_reach(self, roles: Collection[str], scopes: Collection[str] = ()) -> None:
        """Check that the actor may give these roles and scopes.

        Call it before roles or scopes are given, and before a way to act as an account or a client that
        has them is given. Raises `Forbidden` naming what is beyond the actor's reach.
        """
        if self.reach is None:
            return
        for kind, given, own in (
            ("scope", scopes, self.reach.scopes),
            ("role", roles, self.reach.roles),
        ):
            if missing := sorted(set(given) - own):
                raise Forbidden(
                    f"This may do no more than you: the {kind} {', '.join(missing)} is not yours to"
                    " give.",
                    requires={kind: missing[0]},
                )


SERVER = Actor(reach=None)
"""The server itself, which gives what the settings say."""

OPERATOR = Actor(subject="operator", reach=None)
"""The operator: anybody who can run the `watchword` command."""
