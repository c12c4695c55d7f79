"""The services behind every transport, as one value that the app makes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple

import orjson

from watchword.asgi.backlog import BacklogLimits
from watchword.asgi.shutdown import Shutdown
from watchword.config.settings import Settings
from watchword.connections.registry import Registry
from watchword.context import Services
from watchword.delivery.groups import Groups
from watchword.delivery.lease import Lease, LeaseHolder
from watchword.delivery.leases import Leases
from watchword.errors import InvalidToken, TokenExpired, TokenRevoked
from watchword.execution.documents.documents import Documents
from watchword.execution.engine import Engine
from watchword.execution.plan import Plan
from watchword.execution.shared.answers import SharedAnswers
from watchword.execution.told_cost import told_cost, with_cost
from watchword.formats.exact_json import canonical_bytes
from watchword.principal import Principal
from watchword.throttling.admission import Quota, Slot
from watchword.throttling.budgets import LEAST
from watchword.throttling.ceiling import Ceiling
from watchword.tokens import refusals
from watchword.transports.authenticator import Authenticate, RecallBearer
from watchword.transports.request import GraphQLRequest, Opening, opening_of
from watchword.transports.traffic import Traffic

Confirm = Callable[[Principal], Principal]
"""Checks a principal against the known revocations; returns it with the grants it still has. Does no I/O."""


class Priced(NamedTuple):
    """A plan, what it costs its caller to run it, and how much of that was charged when its document was read.

    Without budgets, nothing is charged.
    """

    plan: Plan
    cost: float = 0
    paid: float = 0


@dataclass(frozen=True, slots=True)
class Pipeline:
    """The stages that a request passes, in this order, and the limits that all transports share."""

    settings: Settings
    authenticate: Authenticate
    recall_bearer: RecallBearer
    confirm: Confirm
    engine: Engine
    shared: SharedAnswers
    groups: Groups
    leases: Leases
    services: Services
    connections: Quota
    operations: Quota
    documents: Documents
    shutdown: Shutdown = field(default_factory=Shutdown)
    traffic: Traffic = field(default_factory=Traffic)

    def recheck_token(self, principal: Principal) -> Principal:
        """Check again that a principal's token is valid, and return the principal with the grants that it still has.

        Does no I/O. Call it after every wait, because the token may have expired or been revoked meanwhile.
        Raises `TokenExpired`, `TokenOutdated` or `TokenRevoked`.
        """
        try:
            if principal.expires_at <= self.services.clock.now():
                raise TokenExpired
            return self.confirm(principal)
        except (TokenExpired, TokenRevoked) as error:
            refusals.note("token", error.rule)
            raise

    def lease(self, principal: Principal, holder: LeaseHolder) -> Lease:
        """Give a live connection its lease.

        Raises `RateLimited` when the principal has too many connections, and what `recheck_token` raises
        when the token ended after it was authenticated.
        """
        principal = self.recheck_token(principal)
        if not principal.is_anonymous:
            open_already = self.leases.count(principal.subject)
            self.ceiling.check("connections_per_principal", open_already + 1)
        settings = self.settings
        lease = Lease(self.services.clock, principal, holder, settings.renew_before_seconds)
        self.leases.add(lease)
        return lease

    def release(self, lease: Lease) -> None:
        """Release a lease, because its connection is gone."""
        lease.release()
        self.leases.discard(lease)

    def plan(self, request: GraphQLRequest, principal: Principal, address: str) -> Plan:
        """Return the plan of a request, whose cost is charged to its caller's budgets before anything is run.

        A subscription is charged for each of its events, by its run. Raises as `priced` does, and `OverBudget`.
        """
        if not self.services.budgets.is_set:
            return self._plan(request, principal)
        plan, paid = self._paid_plan(request, principal, address)
        self.services.budgets.charge(principal, address, self._cost(plan, request), paid)
        return plan

    def opening(self, request: GraphQLRequest) -> Opening:
        """Return what a subscription takes of its request, whose variables are those that its plan declares.

        Both are kept while it is open. Raises `BadUserInput` if they take too much memory.
        """
        opening = opening_of(request)
        kept = len(canonical_bytes(request.variables)) if request.variables else 0
        if opening.kept is not None:
            kept += opening.kept.size
        self.ceiling.check("kept_bytes", kept, "The variables and extensions of a subscription")
        return opening

    def hold(self, plan: Plan, address: str, place: Slot) -> None:
        """Count the document of a subscription, which is in memory until its place is given back.

        Raises `RateLimited` when the documents of open subscriptions hold too much memory.
        """
        place.also(self.services.subscribed.take(address, plan.number, plan.weight))

    def priced(self, request: GraphQLRequest, principal: Principal, address: str) -> Priced:
        """Return the plan of a request, and what is to be charged for it.

        A document that is not known yet is charged what the cheapest operation costs before it is read. Raises
        `Refused` if it cannot be run, as `Documents.plan` does, and `OverBudget`.
        """
        if not self.services.budgets.is_set:
            return Priced(self._plan(request, principal))
        plan, paid = self._paid_plan(request, principal, address)
        return Priced(plan, self._cost(plan, request), paid)

    def _paid_plan(
        self, request: GraphQLRequest, principal: Principal, address: str
    ) -> tuple[Plan, int]:
        """Return the plan of a request, and what was charged to read its document: nothing if that is known."""
        asked = request.query, request.document_id, request.operation_name
        plan = self.documents.known(*asked, principal)
        if plan is not None:
            return plan, 0
        self.services.budgets.charge(principal, address, LEAST)
        return self._plan(request, principal), LEAST

    def _cost(self, plan: Plan, request: GraphQLRequest) -> float:
        if plan.is_subscription:
            return LEAST
        return max(LEAST, self.engine.planner.cost(plan, request.variables))

    def with_cost(
        self, json: bytes, plan: Plan, request: GraphQLRequest, principal: Principal, address: str
    ) -> bytes:
        """Return an answer with what it has cost, and what is left of the caller's budgets, if the request asks for it."""
        if not request.wants_cost:
            return json
        data = orjson.loads(json).get("data")
        told = told_cost(self.engine.planner, plan, request.variables, data)
        if told is None:
            return json
        if (left := self.services.budgets.left(principal, address)) is not None:
            told["budget"], told["remaining"], told["resetAfter"] = left
        return with_cost(json, told)

    def _plan(self, request: GraphQLRequest, principal: Principal) -> Plan:
        asked = request.query, request.document_id, request.operation_name
        return self.documents.plan(*asked, principal)

    @property
    def ceiling(self) -> Ceiling:
        """What decides whether a caller is beyond a limit."""
        return Ceiling(self.settings)

    @property
    def live(self) -> Registry:
        """The live connections of this process."""
        return self.services.directory.registry

    @property
    def backlog_limits(self) -> BacklogLimits:
        """How much may wait for a client to read, and for how long."""
        most = self.ceiling.most
        return BacklogLimits(most("outgoing"), most("outgoing_bytes"), most("slow_seconds"))


def check_renewal(now: Principal, then: Principal) -> None:
    """Raise `InvalidToken` unless a connection of the principal `now` may continue as `then`.

    Both must have the same subject, session, client, DPoP key and tenant.
    """
    for name in ("subject", "session", "client", "key"):
        if getattr(now, name) != getattr(then, name):
            raise InvalidToken(f"renewal with another {name}")
    if now.grants.tenant != then.grants.tenant:
        raise InvalidToken("renewal with another tenant")
