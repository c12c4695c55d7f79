"""The public names. A mounted schema imports them from `watchword`, and nothing else of it."""

from importlib import import_module
from typing import TYPE_CHECKING

from watchword.asgi.views import ConnectionView, RequestView
from watchword.auth.accounts.accounts import (
    accounts_by_id,
    disable,
    enable,
    new_id,
    set_roles,
    sign_out,
)
from watchword.auth.accounts.users_table import UsersTable
from watchword.auth.audit.audit import Action as AuditAction
from watchword.auth.fields.audit_fields import AuditEntryView as AuditEntry
from watchword.auth.fields.audit_fields import audit_log
from watchword.auth.fields.connection_fields import (
    LiveConnectionMutation,
    LiveConnectionQuery,
)
from watchword.auth.fields.identity_fields import IdentityMutation, IdentityQuery
from watchword.auth.fields.key_fields import SigningKeyMutation, SigningKeyQuery
from watchword.auth.fields.session_fields import SessionView as Session
from watchword.auth.fields.session_fields import account_sessions, revoke_session
from watchword.auth.tables import Account
from watchword.cli.operator import Operator, operator
from watchword.config.cost_directives import cost, list_size
from watchword.config.settings import Settings
from watchword.connections.presence import Present
from watchword.context import Context, Info
from watchword.domain import ACCOUNTS, Domain
from watchword.errors import (
    BadUserInput,
    Conflict,
    CursorExpired,
    Forbidden,
    NotFound,
    RateLimited,
    StepUpRequired,
    Unauthenticated,
    Unsafe,
    WatchwordError,
)
from watchword.events.event import PRESENT, Event
from watchword.events.sources import reads
from watchword.execution.extensions.needs import each_execution, each_request
from watchword.execution.shared.store import JsonAnswer
from watchword.formats.text import checked_text, cleaned_text, mended_text
from watchword.hooks import AccountInfo, AccountSource, ExternalAccount, IdentityEvent, IdentityKind
from watchword.oauth.authorize.consent_fields import ConsentMutation, ConsentQuery
from watchword.oauth.clients.client_fields import ClientMutation, ClientQuery
from watchword.permissions.batched import BatchedRule
from watchword.permissions.field import (
    AuthenticatedBy,
    Delegated,
    FirstParty,
    HasClaim,
    HasRole,
    HasScope,
    HasTenant,
    MultiFactor,
    Owner,
    Permission,
    Public,
    RecentlyAuthenticated,
    SignedIn,
    SignedInHere,
    condition,
    observe,
    permission,
)
from watchword.permissions.filters import sees, visible, where
from watchword.permissions.guarded import guarded_by
from watchword.permissions.rules import Question, Rule
from watchword.principal import ANONYMOUS, Grants, Principal
from watchword.relay.connection import Connection, connect
from watchword.relay.ids import decode_id, encode_id, parse_id
from watchword.relay.page import Page, page
from watchword.relay.paginate import Order, Slice, empty, paginate, paginate_each, total
from watchword.storage.columns import UtcDateTime, checked_moment, moment
from watchword.storage.database import Database
from watchword.transaction import Transaction

if TYPE_CHECKING:
    from watchword.mounting.asgi_app import Watchword
    from watchword.mounting.dependencies import current_principal, requires
    from watchword.transports.server import Server

__all__ = [
    "ACCOUNTS",
    "ANONYMOUS",
    "PRESENT",
    "Account",
    "AccountInfo",
    "AccountSource",
    "AuditAction",
    "AuditEntry",
    "AuthenticatedBy",
    "BadUserInput",
    "BatchedRule",
    "ClientMutation",
    "ClientQuery",
    "Conflict",
    "Connection",
    "ConnectionView",
    "ConsentMutation",
    "ConsentQuery",
    "Context",
    "CursorExpired",
    "Database",
    "Delegated",
    "Domain",
    "Event",
    "ExternalAccount",
    "FirstParty",
    "Forbidden",
    "Grants",
    "HasClaim",
    "HasRole",
    "HasScope",
    "HasTenant",
    "IdentityEvent",
    "IdentityKind",
    "IdentityMutation",
    "IdentityQuery",
    "Info",
    "JsonAnswer",
    "LiveConnectionMutation",
    "LiveConnectionQuery",
    "MultiFactor",
    "NotFound",
    "Operator",
    "Order",
    "Owner",
    "Page",
    "Permission",
    "Present",
    "Principal",
    "Public",
    "Question",
    "RateLimited",
    "RecentlyAuthenticated",
    "RequestView",
    "Rule",
    "Server",
    "Session",
    "Settings",
    "SignedIn",
    "SignedInHere",
    "SigningKeyMutation",
    "SigningKeyQuery",
    "Slice",
    "StepUpRequired",
    "Transaction",
    "Unauthenticated",
    "Unsafe",
    "UsersTable",
    "UtcDateTime",
    "Watchword",
    "WatchwordError",
    "account_sessions",
    "accounts_by_id",
    "audit_log",
    "checked_moment",
    "checked_text",
    "cleaned_text",
    "condition",
    "connect",
    "cost",
    "current_principal",
    "decode_id",
    "disable",
    "each_execution",
    "each_request",
    "empty",
    "enable",
    "encode_id",
    "guarded_by",
    "list_size",
    "mended_text",
    "moment",
    "new_id",
    "observe",
    "operator",
    "page",
    "paginate",
    "paginate_each",
    "parse_id",
    "permission",
    "reads",
    "requires",
    "revoke_session",
    "sees",
    "set_roles",
    "sign_out",
    "total",
    "visible",
    "where",
]

# These import FastAPI and all transports, which commands and schemas do not need.
_MOUNTING = {
    "Watchword": "watchword.mounting.asgi_app",
    "current_principal": "watchword.mounting.dependencies",
    "requires": "watchword.mounting.dependencies",
    "Server": "watchword.transports.server",
}


def __getattr__(name: str) -> object:
    if name in _MOUNTING:
        return getattr(import_module(_MOUNTING[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
