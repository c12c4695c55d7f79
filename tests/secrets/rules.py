"""Random rules over roles and scopes, which say by themselves whom they allow: the permissions are compared with that."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random
from typing import Any

from watchword import Grants, HasRole, HasScope, SignedIn

ROLES = {
    "reader": frozenset({"s:read"}),
    "writer": frozenset({"s:read", "s:write"}),
    "auditor": frozenset({"s:audit"}),
    "admin": frozenset({"s:read", "s:write", "s:audit", "s:admin"}),
}
SCOPES = ("s:read", "s:write", "s:audit", "s:admin")


@dataclass(frozen=True)
class Marked:
    """A rule: `kind` is the name of a leaf or of an operator, `parts` what belongs to it."""

    kind: str
    parts: tuple[Any, ...] = ()

    @property
    def permission(self) -> Any:
        """The permission class that says the same."""
        match self.kind, self.parts:
            case "signed in", ():
                return SignedIn
            case "role", (name,):
                return HasRole(name)
            case "scope", (name,):
                return HasScope(name)
            case "and", (left, right):
                return left.permission & right.permission
            case "or", (left, right):
                return left.permission | right.permission
            case _:
                return SignedIn & ~self.parts[0].permission

    def allows(self, grants: Grants | None) -> bool:
        """Tell whether a caller with these grants is allowed; None for a caller without a token."""
        if grants is None:
            return False
        match self.kind, self.parts:
            case "signed in", ():
                return True
            case "role", (name,):
                return name in grants.roles
            case "scope", (name,):
                return name in grants.scopes
            case "and", (left, right):
                return bool(left.allows(grants) and right.allows(grants))
            case "or", (left, right):
                return bool(left.allows(grants) or right.allows(grants))
            case _:
                return not self.parts[0].allows(grants)


def drawn(dice: Random, depth: int = 0) -> Marked:
    """Return a random rule. No caller without a token is allowed by one."""
    choice = dice.random()
    if depth > 1 or choice < 0.6:
        leaves = (
            Marked("signed in"),
            Marked("role", (dice.choice(list(ROLES)),)),
            Marked("scope", (dice.choice(SCOPES),)),
        )
        return dice.choice(leaves[depth == 0 :] if dice.random() < 0.9 else leaves)
    if choice < 0.9:
        parts = (drawn(dice, depth + 1), drawn(dice, depth + 1))
        return Marked(dice.choice(("and", "or")), parts)
    return Marked("not", (drawn(dice, depth + 1),))
