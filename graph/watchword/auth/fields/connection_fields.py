"""GraphQL fields about live connections, for admins. Any schema can inherit them in its Query and Mutation."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import strawberry

from watchword.auth.accounts.accounts import accounts_by_id
from watchword.auth.audit.audit import Action, record
from watchword.connections.live import Listed, Transport, Wanted
from watchword.context import Context, Info
from watchword.errors import NotFound
from watchword.permissions.field import FirstParty, HasScope, RecentlyAuthenticated, SignedIn
from watchword.permissions.guarded import guarded_by
from watchword.relay.page import decode_cursor, encode_cursor, page
from watchword.storage.columns import moment

SeesConnections = HasScope("connections:write") & FirstParty
EndsConnections = SeesConnections & RecentlyAuthenticated()

CURSOR = "live connections"

strawberry.enum(
    Transport, name="LiveTransport", description="How a live connection carries its answers."
)


@guarded_by(SignedIn)
@strawberry.type(description="An open subscription of a live connection.")
class LiveSubscription:
    operation: str | None = strawberry.field(description="The operation's name, if it has one.")
    behind: int = strawberry.field(
        description="How many events have happened that it has not been told of."
    )


@guarded_by(SignedIn)
@strawberry.type(
    name="LiveConnection", description="A WebSocket or a streamed response that is open now."
)
class LiveConnectionView:
    id: strawberry.ID
    subject: str | None = strawberry.field(
        description="The id of the account or client that uses it; null for an anonymous one."
    )
    session: str | None
    client: str | None = strawberry.field(description="The application that its token is for.")
    address: str = strawberry.field(description="The network address of its client.")
    transport: Transport
    opened_at: datetime
    ends_at: datetime | None = strawberry.field(
        description="When it ends unless it is renewed; null if it is anonymous."
    )
    subscriptions: list[LiveSubscription]
    unsent_bytes: int = strawberry.field(
        description="How many bytes wait for its client to read them."
    )
    places: list[str] = strawberry.field(
        description="The places at which it is present, by the names that the schema gives them."
    )
    current: bool = strawberry.field(description="Whether this was asked over it.")

    @strawberry.field(description="The account's name; null if it is not an account's.")
    async def name(self, info: Info) -> str | None:
        if self.subject is None:
            return None
        return await info.context.loader(_load_names).load(self.subject)


@guarded_by(SignedIn)
@strawberry.type(description="Live connections of all server processes, the newest first.")
class LiveConnections:
    nodes: list[LiveConnectionView]
    end_cursor: str | None = strawberry.field(
        description="Pass it as `after` for those that are older; null if there are none."
    )
    total_count: int
    processes: int = strawberry.field(description="How many server processes there are.")
    silent_processes: int = strawberry.field(
        description="How many of them did not answer in time. Their connections are missing here."
    )


@strawberry.type
class LiveConnectionQuery:
    """Inherit from this in a schema's Query."""

    @strawberry.field(
        permission_classes=[SeesConnections],
        description="Who is connected now, to any server process; `subject` restricts it to one account or"
        " client.",
    )
    async def live_connections(
        self,
        info: Info,
        first: int | None = None,
        after: str | None = None,
        subject: str | None = None,
    ) -> LiveConnections | None:
        size = page(first, None, None, None).size
        before = None if after is None else _place(after)
        directory = info.context.services.directory
        # One more tells whether there are more.
        found = await directory.page(Wanted(size + 1, before, subject))
        shown = found.found[:size]
        has_more = len(found.found) > size and bool(shown)
        return LiveConnections(
            nodes=[_connection(each, info.context) for each in shown],
            end_cursor=encode_cursor(CURSOR, shown[-1].place) if has_more else None,
            total_count=found.total,
            processes=found.processes,
            silent_processes=found.silent,
        )


@strawberry.type
class LiveConnectionMutation:
    """Inherit from this in a schema's Mutation."""

    @strawberry.mutation(
        permission_classes=[EndsConnections],
        description="End a live connection, of any server process. Its session goes on: end that to keep its"
        " user out. Returns its id.",
    )
    async def end_connection(self, info: Info, id: strawberry.ID) -> strawberry.ID | None:
        directory = info.context.services.directory
        found = await directory.find(str(id))
        if found is None:
            raise NotFound("There is no such connection.")
        async with info.context.write() as unit:
            directory.end(unit, found.id)
            accounts = await accounts_by_id(unit.db, [found.subject])
            record(
                unit,
                Action.CONNECTION_ENDED,
                account=found.subject if found.subject in accounts else None,
                connection=found.id,
                subject=found.subject,
                address=found.address,
                transport=found.transport.value,
            )
        return id


def _place(after: str) -> tuple[float, str]:
    opened_at, id = decode_cursor(after, CURSOR, [float, str], "after")
    return float(opened_at), str(id)


def _connection(listed: Listed, context: Context[Any]) -> LiveConnectionView:
    via = context.connection
    return LiveConnectionView(
        id=strawberry.ID(listed.id),
        subject=listed.subject or None,
        session=listed.session,
        client=listed.client,
        address=listed.address,
        transport=listed.transport,
        opened_at=moment(listed.opened_at),
        ends_at=None if listed.ends_at is None else moment(listed.ends_at),
        subscriptions=[LiveSubscription(**each._asdict()) for each in listed.subscriptions],
        unsent_bytes=listed.unsent_bytes,
        places=[*listed.places],
        current=via is not None and via.id == listed.id,
    )


async def _load_names(context: Context[Any], ids: list[str]) -> Sequence[str | None]:
    async with context.read() as db:
        found = await accounts_by_id(db, ids)
    return [found[id].name if id in found else None for id in ids]
