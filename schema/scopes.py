"""What a token may do (scopes, resource:action), and which role's person may carry which."""

from __future__ import annotations

from graph import HasRole, HasScope
from schema.vocabulary import Role

INCIDENTS_READ = "incidents:read"
INCIDENTS_WRITE = "incidents:write"
INCIDENTS_INTERNAL = "incidents:internal"
COMPONENTS_WRITE = "components:write"
MEMBERS_READ = "members:read"
MEMBERS_WRITE = "members:write"
CLIENTS_WRITE = "clients:write"
AUDIT_READ = "audit:read"

_VIEWER = frozenset({INCIDENTS_READ})
_RESPONDER = _VIEWER | {INCIDENTS_WRITE, INCIDENTS_INTERNAL, COMPONENTS_WRITE, MEMBERS_READ}
_ADMIN = _RESPONDER | {MEMBERS_WRITE, CLIENTS_WRITE, AUDIT_READ}

ROLES: dict[str, frozenset[str]] = {
    Role.VIEWER.value: _VIEWER,
    Role.RESPONDER.value: _RESPONDER,
    Role.COMMANDER.value: _RESPONDER,
    Role.ADMIN.value: _ADMIN,
}

# What a person reads before it lets an application have a scope: "It wants to be allowed to …".
DESCRIPTIONS: dict[str, str] = {
    INCIDENTS_READ: "See incidents as you see them",
    INCIDENTS_WRITE: "Open incidents and change them in your name",
    INCIDENTS_INTERNAL: "Read and write internal notes, which the public does not see",
    COMPONENTS_WRITE: "Change the components of the status page and how they are",
    MEMBERS_READ: "See who the members are",
    MEMBERS_WRITE: "Change what other members may do",
    CLIENTS_WRITE: "Manage applications and services that have access, and their secrets",
    AUDIT_READ: "Read the audit log: who did what, when and from where",
}

IsResponder = HasRole("responder") | HasRole("commander") | HasRole("admin")
IsCommander = HasRole("commander") | HasRole("admin")
IsAdmin = HasRole("admin")

RespondsToIncidents = HasScope(INCIDENTS_WRITE) & IsResponder
SeesInternal = HasScope(INCIDENTS_INTERNAL) & IsResponder
KeepsComponents = HasScope(COMPONENTS_WRITE) & IsResponder
SeesMembers = HasScope(MEMBERS_READ)
ManagesMembers = HasScope(MEMBERS_WRITE) & IsAdmin
ReadsAudit = HasScope(AUDIT_READ) & IsAdmin
