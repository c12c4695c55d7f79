"""Reads the metrics of tokens, sessions and revocations."""

from __future__ import annotations

from collections.abc import Iterator

from watchword.auth.revocation.follower import RevocationFollower
from watchword.auth.service import AuthService
from watchword.telemetry.metrics import catalogue
from watchword.telemetry.metrics.live import counted
from watchword.telemetry.metrics.metric import Reading, one
from watchword.tokens import refusals


def read_identity(auth: AuthService, follower: RevocationFollower) -> Iterator[Reading]:
    """Read what the auth service and its follower of revocations know."""
    yield counted(catalogue.REFUSALS, refusals.counts)
    yield counted(catalogue.REFRESHES, auth.sessions.refreshes)
    yield one(catalogue.REUSES, auth.sessions.reuses)
    yield counted(catalogue.REVOCATIONS, follower.heard)
    yield one(catalogue.REVOCATIONS_KEPT, len(auth.revocations))
