"""Rules that say by themselves whom they allow, so that the permissions are compared with that, and marks of what they guard."""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random
from typing import Any

from watchword import Grants, HasRole, HasScope, Owner, SignedIn, condition

ROLES = {
    "reader": frozenset({"s:read"}),
    "writer": frozenset({"s:read", "s:write"}),
    "auditor": frozenset({"s:audit"}),
    "admin": frozenset({"s:read", "s:write", "s:audit", "s:admin"}),
}
SCOPES = ("s:read", "s:write", "s:audit", "s:admin")

# The objects that a rule looks at are of this group.
GROUP = "auditor"


@condition("to be of its group")
def of_its_group(question: Any) -> bool:
    return question.source.group in question.principal.grants.roles


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
            case "group", ():
                return of_its_group
            case "owner", ():
                return Owner("owned_by")
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
            case "group", ():
                return GROUP in grants.roles
            case "owner", ():
                # Nobody has the subject of the objects' owner.
                return False
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


@dataclass
class Marks:
    """The marks of all guarded fields: for each, the rules of which every one must allow the caller."""

    rules: list[tuple[str, list[Marked]]] = field(default_factory=list)

    def add(self, coordinate: str, rules: list[Marked]) -> str:
        """Return a new mark for a coordinate such as `Thing.name`."""
        self.rules.append((coordinate, rules))
        return f"<5ecret{len(self.rules) - 1:05d}>"

    def leaked(self, found: set[int], grants: Grants | None) -> list[str]:
        """Return the coordinates of the marks with these numbers which a caller with these grants must not see."""
        asked = (self.rules[number] for number in sorted(found))
        return [at for at, rules in asked if not all(rule.allows(grants) for rule in rules)]


marks = Marks()
