"""The scopes (resource:action) that a token may have, the scopes of each role, and permissions of both."""

from __future__ import annotations

from incident_room.vocabulary import Role
from watchword import Delegated, HasRole, HasScope

INCIDENTS_READ = "incidents:read"
INCIDENTS_WRITE = "incidents:write"
INCIDENTS_INTERNAL = "incidents:internal"
INCIDENTS_COMMAND = "incidents:command"
COMPONENTS_WRITE = "components:write"
MEMBERS_READ = "members:read"
MEMBERS_WRITE = "members:write"
CLIENTS_WRITE = "clients:write"
AUDIT_READ = "audit:read"
CONNECTIONS_WRITE = "connections:write"
KEYS_WRITE = "keys:write"
DOCUMENTS_ANY = "documents:any"

_VIEWER = frozenset({INCIDENTS_READ})
_RESPONDER = _VIEWER | {INCIDENTS_WRITE, INCIDENTS_INTERNAL, COMPONENTS_WRITE, MEMBERS_READ}
_COMMANDER = _RESPONDER | {INCIDENTS_COMMAND}
_ADMIN = _COMMANDER | {
    MEMBERS_WRITE,
    CLIENTS_WRITE,
    AUDIT_READ,
    CONNECTIONS_WRITE,
    KEYS_WRITE,
    DOCUMENTS_ANY,
}

ROLES: dict[str, frozenset[str]] = {
    Role.VIEWER.value: _VIEWER,
    Role.RESPONDER.value: _RESPONDER,
    Role.COMMANDER.value: _COMMANDER,
    Role.ADMIN.value: _ADMIN,
}
GIVES: dict[str, frozenset[str]] = {Role.ADMIN.value: frozenset(ROLES)}

# Shown on the consent page, after "It wants to be allowed to".
DESCRIPTIONS: dict[str, str] = {
    INCIDENTS_READ: "See incidents as you see them",
    INCIDENTS_WRITE: "Open incidents and change them in your name",
    INCIDENTS_INTERNAL: "Read and write internal notes, which the public does not see",
    INCIDENTS_COMMAND: "Say who leads an incident and when it is over, in your name",
    COMPONENTS_WRITE: "Change the components of the status page and how they are",
    MEMBERS_READ: "See who the members are",
    MEMBERS_WRITE: "Change what other members may do",
    CLIENTS_WRITE: "Manage applications and services that have access, and their secrets",
    AUDIT_READ: "Read the audit log: who did what, when and from where",
    CONNECTIONS_WRITE: "See who is connected now and from where, and end connections",
    KEYS_WRITE: "See the keys that sign tokens, and make new ones",
    DOCUMENTS_ANY: "Ask for anything that you may see, also where only known questions are taken",
}

IsResponder = HasRole("responder") | HasRole("commander") | HasRole("admin")
IsCommander = HasRole("commander") | HasRole("admin")
IsAdmin = HasRole("admin")

# A scope limits a token; a role describes a person or a machine. An application that acts for a person has
# no roles. Its scopes are enough: it has only scopes of the person's roles, and only the roles in the rules
# below give these scopes.
RespondsToIncidents = HasScope(INCIDENTS_WRITE) & (IsResponder | Delegated)
SeesInternal = HasScope(INCIDENTS_INTERNAL) & (IsResponder | Delegated)
KeepsComponents = HasScope(COMPONENTS_WRITE) & (IsResponder | Delegated)
CommandsAll = IsCommander | (HasScope(INCIDENTS_COMMAND) & Delegated)
SeesMembers = HasScope(MEMBERS_READ)
ManagesMembers = HasScope(MEMBERS_WRITE) & IsAdmin
ReadsAudit = HasScope(AUDIT_READ) & (IsAdmin | Delegated)
