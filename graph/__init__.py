"""Watchword: a GraphQL server in which every field, socket and event answers to a signed token.

This is the public face, and nothing but a list: a mounted schema imports only from here.
"""

from graph.columns import UtcDateTime, checked_moment, moment
from graph.command_line import Operator, operator
from graph.context import Context, Info
from graph.database import Database
from graph.domain import Domain
from graph.errors import (
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
from graph.events import PRESENT, Event
from graph.identity.accounts import (
    accounts_by_id,
    disable,
    enable,
    new_id,
    set_roles,
    sign_out,
)
from graph.identity.audit import Action as AuditAction
from graph.identity.audit_fields import AuditEntry, audit_log
from graph.identity.fields import IdentityMutation, IdentityQuery
from graph.identity.session_fields import Session, account_sessions, revoke_session
from graph.identity.tables import Account
from graph.oauth.client_fields import ClientMutation, ClientQuery
from graph.oauth.consent_fields import ConsentMutation, ConsentQuery
from graph.permissions.field import (
    Delegated,
    FirstParty,
    HasRole,
    HasScope,
    Permission,
    Public,
    RecentlyAuthenticated,
    SignedIn,
    SignedInHere,
    condition,
)
from graph.permissions.rules import Question
from graph.principal import ANONYMOUS, Grants, Principal
from graph.relay.connection import Connection, connect
from graph.relay.ids import decode_id, encode_id, parse_id
from graph.relay.page import Page, page
from graph.relay.paginate import Order, Slice, empty, paginate, paginate_each
from graph.text import checked_text, cleaned_text, mended_text
from graph.transaction import Transaction

__all__ = [
    "ANONYMOUS",
    "PRESENT",
    "Account",
    "AuditAction",
    "AuditEntry",
    "BadUserInput",
    "ClientMutation",
    "ClientQuery",
    "Conflict",
    "Connection",
    "ConsentMutation",
    "ConsentQuery",
    "Context",
    "CursorExpired",
    "Database",
    "Delegated",
    "Domain",
    "Event",
    "FirstParty",
    "Forbidden",
    "Grants",
    "HasRole",
    "HasScope",
    "IdentityMutation",
    "IdentityQuery",
    "Info",
    "NotFound",
    "Operator",
    "Order",
    "Page",
    "Permission",
    "Principal",
    "Public",
    "Question",
    "RateLimited",
    "RecentlyAuthenticated",
    "Session",
    "SignedIn",
    "SignedInHere",
    "Slice",
    "StepUpRequired",
    "Transaction",
    "Unauthenticated",
    "Unsafe",
    "UtcDateTime",
    "WatchwordError",
    "account_sessions",
    "accounts_by_id",
    "audit_log",
    "checked_moment",
    "checked_text",
    "cleaned_text",
    "condition",
    "connect",
    "decode_id",
    "disable",
    "empty",
    "enable",
    "encode_id",
    "mended_text",
    "moment",
    "new_id",
    "operator",
    "page",
    "paginate",
    "paginate_each",
    "parse_id",
    "revoke_session",
    "set_roles",
    "sign_out",
]
