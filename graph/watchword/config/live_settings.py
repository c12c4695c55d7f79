"""Settings of operations, live connections and the log of events: limits, timeouts, intervals.

`Settings` in settings.py inherits them, reads them and checks them.
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field
from pydantic_settings import BaseSettings


class LiveSettings(BaseSettings):
    """Times are in seconds, sizes in bytes."""

    renew_before_seconds: int = Field(
        60, ge=0, description="How long before a token expires a connection is told to renew it."
    )
    init_timeout_seconds: float = Field(
        5, gt=0, description="How long a new WebSocket may take to send connection_init."
    )
    operation_seconds: float = Field(
        30,
        gt=0,
        description="How long a query or a mutation may take; also how long verifying its token may take.",
    )
    event_seconds: float = Field(
        30,
        gt=0,
        description="How long a resolver may take to produce one event of a subscription, and then how"
        " long the answer to that event may take.",
    )
    shared_answers_bytes: int = Field(
        32_000_000,
        ge=0,
        description="Most memory for answers of queries that many callers share, which are kept until an event"
        " changes them. With 0, every query is executed by itself.",
    )
    answer_max_age_seconds: int = Field(
        0,
        ge=0,
        description="How long browsers and proxies may show an anonymous shared answer to a GET request without"
        " asking again. With 0, they ask each time and get 304 if it has not changed.",
    )
    max_operations: int = Field(100, ge=1, description="Most operations open on one connection.")
    max_operations_per_address: int = Field(
        1_000,
        ge=1,
        description="Most operations that are open from one address, over all transports.",
    )
    max_operations_per_principal: int = Field(
        500, ge=1, description="Most operations that one principal has open, over all transports."
    )
    max_operations_per_process: int = Field(
        20_000,
        ge=1,
        description="Most operations that are open in one process, over all transports.",
    )
    on_role_change: Literal["renew", "downgrade"] = Field(
        "renew",
        description='What happens to an access token when the roles of its account change: "renew" asks'
        ' its holder for a new one, "downgrade" accepts it for what the account still may do.',
    )
    outdated_grace_seconds: float = Field(
        10,
        ge=0,
        description="How long a connection stays open with a token that must be renewed.",
    )

    mailbox_limit: int = Field(
        1_000,
        ge=1,
        description="Most events that wait in memory for one subscriber. When there are more, the"
        " subscriber reads them from the log in the database.",
    )
    outgoing_limit: int = Field(
        10_000,
        ge=1,
        description="Most messages that wait for a client to read them; beyond that, the client is"
        " disconnected.",
    )
    outgoing_limit_bytes: int = Field(
        1_000_000,
        ge=1024,
        description="Most bytes that wait for a client to read them; beyond that, the client is"
        " disconnected.",
    )
    slow_seconds: float = Field(
        10,
        gt=0,
        description="How long a client may read none of the messages that wait for it before it is"
        " disconnected.",
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
        description="Over how many seconds the server closes its connections when it stops.",
    )
    log_look_seconds: float = Field(
        0.5,
        gt=0,
        description="How often a process checks the log of events for events that the bus has lost."
        " Without Redis, this is how late another process learns of a revocation.",
    )
    unpublished_writes: Literal["log", "raise"] = Field(
        "log",
        description="What happens to a transaction that writes a table of Domain.tables without an event in"
        ' the table\'s stream: "log" commits it and logs an error, "raise" refuses it. Use "raise" in tests.',
    )
    log_retention_seconds: int = Field(
        7 * 86400, ge=3600, description="How long events are kept for subscribers that reconnect."
    )
    log_retention_events: int = Field(
        1_000_000,
        ge=1_000,
        description="How many events of each stream are kept. Revocations are always kept for as long as"
        " an access token may live.",
    )
