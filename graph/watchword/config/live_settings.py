"""The settings of operations, live connections and the log: how much, how long, how often.

A part of `settings.py`, which reads and checks them.
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field
from pydantic_settings import BaseSettings


class LiveSettings(BaseSettings):
    """Times are in seconds, sizes in bytes."""

    renew_before_seconds: int = Field(
        60, ge=0, description="How long before its end a connection is told to renew."
    )
    init_timeout_seconds: float = Field(5, gt=0, description="Time for connection_init to come.")
    operation_seconds: float = Field(
        30,
        gt=0,
        description="How long a query or a mutation may take, and checking the token that comes with it.",
    )
    event_seconds: float = Field(
        30,
        gt=0,
        description="How long a resolver may take for one event of a subscription, and then the answer to it.",
    )
    max_operations: int = Field(100, ge=1, description="Most operations open on one connection.")
    max_operations_per_address: int = Field(
        1_000, ge=1, description="Most operations open on live connections from one address."
    )
    max_operations_per_principal: int = Field(
        500, ge=1, description="Most operations open on live connections of one principal."
    )
    max_operations_per_process: int = Field(
        20_000, ge=1, description="Most operations open on live connections to one process."
    )
    on_role_change: Literal["renew", "downgrade"] = Field(
        "renew",
        description="What becomes of a token whose owner has other roles now: it must be renewed, or"
        " goes on with what its owner still has.",
    )
    outdated_grace_seconds: float = Field(
        10,
        ge=0,
        description="How long a connection may still live by a token that must be renewed.",
    )

    mailbox_limit: int = Field(
        1_000, ge=1, description="Most events that wait for one subscriber; the log has the rest."
    )
    outgoing_limit: int = Field(
        10_000,
        ge=1,
        description="Most messages that wait for a client to read; then it is cut off.",
    )
    outgoing_limit_bytes: int = Field(
        1_000_000, ge=1024, description="Most bytes that wait for a client to read."
    )
    slow_seconds: float = Field(
        10,
        gt=0,
        description="How long a client may read nothing of what waits for it; then it is cut off.",
    )
    max_messages_per_second: int = Field(
        100, ge=1, description="Most messages that a client may send in one second."
    )
    max_connections_per_principal: int = Field(
        100, ge=1, description="Most live connections of one principal to one process."
    )
    max_connections_per_address: int = Field(
        1_000, ge=1, description="Most live connections from one address to one process."
    )
    drain_seconds: float = Field(
        3,
        ge=0,
        le=60,
        description="How long the server takes to close its connections when it stops.",
    )
    log_look_seconds: float = Field(
        0.5,
        gt=0,
        description="How often the log is looked into for what the bus has lost: without Redis, how"
        " late another process hears of a revocation.",
    )
    log_retention_seconds: int = Field(
        7 * 86400, ge=3600, description="How long events are kept for those who come back."
    )
    log_retention_events: int = Field(
        1_000_000,
        ge=1_000,
        description="How many events of each stream are kept; revocations always, for as long as a"
        " token may live.",
    )
