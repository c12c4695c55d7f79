"""The built-in domain: an incident room with a public status page."""

from graph import Domain
from schema.commands import import_
from schema.demo import demo
from schema.root import schema
from schema.scopes import DESCRIPTIONS, GIVES, ROLES

domain = Domain(
    roles=ROLES,
    gives=GIVES,
    descriptions=DESCRIPTIONS,
    migrations="schema.migrations",
    demo=demo,
    commands=[import_],
)

__all__ = ["domain", "schema"]
