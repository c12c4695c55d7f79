"""GraphQL fields about clients, for admins, for any schema's Query and Mutation."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import strawberry
from strawberry.scalars import JSON

from watchword.context import Context, Info
from watchword.oauth import tables as rows
from watchword.oauth.clients import clients
from watchword.oauth.clients.registration import ClientAuthMethod, Grant, Registration
from watchword.permissions.field import FirstParty, HasScope, RecentlyAuthenticated, SignedIn
from watchword.permissions.guarded import guarded_by
from watchword.relay.connection import Connection, connect
from watchword.relay.page import page

SeesClients = HasScope("clients:write") & FirstParty
# A client gives lasting access. Require a recent sign-in, so that an unattended browser is not enough.
ManagesClients = SeesClients & RecentlyAuthenticated()

strawberry.enum(
    Grant, name="GrantType", description="A grant with which a client may request tokens."
)
strawberry.enum(
    ClientAuthMethod, name="ClientAuthentication", description="How a client authenticates itself."
)


@guarded_by(SignedIn)
@strawberry.type(
    name="ClientSecret",
    description="One of a client's secrets; the secret itself is never shown again.",
)
class ClientSecretView:
    id: strawberry.ID
    created_at: datetime


@guarded_by(SignedIn)
@strawberry.type(name="Client", description="An application or a service that requests tokens.")
class ClientView:
    id: strawberry.ID = strawberry.field(description="The client_id.")
    name: str
    authentication: ClientAuthMethod
    grants: list[Grant]
    scopes: list[str] = strawberry.field(description="The scopes that its tokens may have at most.")
    roles: list[str] = strawberry.field(description="Its roles when it acts for itself.")
    redirect_uris: list[str]
    jwks: JSON | None = strawberry.field(description="Its public keys (RFC 7517).")
    needs_dpop: bool = strawberry.field(description="Whether its tokens must be bound to a key.")
    may_introspect: bool
    created_at: datetime
    disabled_at: datetime | None
    version: int = strawberry.field(
        description="Grows with each change. Pass it to changeClient to notice concurrent changes."
    )

    @strawberry.field(description="The oldest first; at most two.")
    async def secrets(self, info: Info) -> list[ClientSecretView]:
        found = await info.context.loader(_load_secrets).load(str(self.id))
        return [
            ClientSecretView(id=strawberry.ID(secret.id), created_at=secret.created_at)
            for secret in found
        ]


@guarded_by(SignedIn)
@strawberry.type(description="A client, and its new secret, which is shown only this once.")
class ClientWithSecret:
    client: ClientView
    secret: str | None = strawberry.field(
        description="Store it safely: the server keeps only its hash. Null for a client without secrets."
    )


@strawberry.input
class AddClientInput:
    name: str
    grants: list[Grant]
    scopes: list[str]
    authentication: ClientAuthMethod = ClientAuthMethod.SECRET
    roles: list[str] = strawberry.field(default_factory=list)
    redirect_uris: list[str] = strawberry.field(default_factory=list)
    jwks: JSON | None = None
    needs_dpop: bool = False
    may_introspect: bool = False


@strawberry.input(description="Members that are left out stay as they are.")
class ChangeClientInput:
    client: strawberry.ID
    version: int | None = None
    name: str | None = None
    grants: list[Grant] | None = None
    scopes: list[str] | None = None
    roles: list[str] | None = None
    redirect_uris: list[str] | None = None
    jwks: JSON | None = None
    needs_dpop: bool | None = None
    may_introspect: bool | None = None


@strawberry.type
class ClientQuery:
    """Inherit from this in a schema's Query."""

    @strawberry.field(
        permission_classes=[SeesClients], description="All clients, the oldest first."
    )
    async def clients(
        self,
        info: Info,
        first: int | None = None,
        after: str | None = None,
        last: int | None = None,
        before: str | None = None,
    ) -> Connection[ClientView] | None:
        async with info.context.read() as db:
            found = await clients.page_of_clients(db, page(first, after, last, before))
        return connect(found, _client, lambda: _count(info.context))

    @strawberry.field(permission_classes=[SeesClients], description="A client, by its client_id.")
    async def client(self, info: Info, id: strawberry.ID) -> ClientView | None:
        async with info.context.read() as db:
            return _client(await clients.get_client(db, id))


@strawberry.type
class ClientMutation:
    """Inherit from this in a schema's Mutation."""

    @strawberry.mutation(
        permission_classes=[ManagesClients],
        description="Register a client. Its scopes and roles must not exceed those of the signed-in admin.",
    )
    async def add_client(self, info: Info, input: AddClientInput) -> ClientWithSecret | None:
        asked = Registration(**_given_members(input))
        async with info.context.write() as unit:
            made = await clients.add_client(unit, info.context.services.domain, asked)
            has_secret = made.authentication == ClientAuthMethod.SECRET
            secret = await clients.add_secret(unit, made.id) if has_secret else None
        return ClientWithSecret(client=_client(made), secret=secret.text if secret else None)

    @strawberry.mutation(
        permission_classes=[ManagesClients],
        description="Change a client. Its scopes and roles must not exceed those of the signed-in admin. If it loses something, its tokens end at once.",
    )
    async def change_client(self, info: Info, input: ChangeClientInput) -> ClientView | None:
        domain, changes = info.context.services.domain, _given_members(input)
        async with info.context.write() as unit:
            changed = await clients.change_client(
                unit, domain, str(input.client), changes, input.version
            )
        return _client(changed)

    @strawberry.mutation(
        permission_classes=[ManagesClients],
        description="Disable a client for good, and end its sessions and tokens.",
    )
    async def disable_client(self, info: Info, client: strawberry.ID) -> ClientView | None:
        async with info.context.write() as unit:
            return _client(await clients.disable_client(unit, client))

    @strawberry.mutation(
        permission_classes=[ManagesClients],
        description="End all sessions and tokens of a client. It may request new ones.",
    )
    async def revoke_client(self, info: Info, client: strawberry.ID) -> ClientView | None:
        async with info.context.write() as unit:
            return _client(await clients.revoke_client(unit, client))

    @strawberry.mutation(
        permission_classes=[ManagesClients],
        description="Add a second secret to a client. Its scopes and roles must not exceed those of the signed-in admin.",
    )
    async def add_client_secret(self, info: Info, client: strawberry.ID) -> ClientWithSecret | None:
        async with info.context.write() as unit:
            secret = await clients.add_secret(unit, client)
            found = await clients.get_client(unit.db, client)
        return ClientWithSecret(client=_client(found), secret=secret.text)

    @strawberry.mutation(
        permission_classes=[ManagesClients],
        description="Remove a secret of a client. Tokens that it got with the secret stay valid.",
    )
    async def remove_client_secret(
        self, info: Info, client: strawberry.ID, secret: strawberry.ID
    ) -> ClientView | None:
        async with info.context.write() as unit:
            return _client(await clients.remove_secret(unit, client, secret))


def _given_members(input: AddClientInput | ChangeClientInput) -> dict[str, Any]:
    """Return the members that an input sets, with the names and values of `Registration`."""
    given = {
        name: value
        for name, value in vars(input).items()
        if value is not None and name not in ("client", "version")
    }
    if "grants" in given:
        given["grants"] = [grant.value for grant in given["grants"]]
    if "authentication" in given:
        given["authentication"] = given["authentication"].value
    return given


def _client(row: rows.Client) -> ClientView:
    return ClientView(
        id=strawberry.ID(row.id),
        name=row.name,
        authentication=ClientAuthMethod(row.authentication),
        grants=[Grant(grant) for grant in row.grants],
        scopes=row.scopes,
        roles=row.roles,
        redirect_uris=row.redirect_uris,
        jwks=JSON(row.jwks) if row.jwks is not None else None,
        needs_dpop=row.needs_dpop,
        may_introspect=row.may_introspect,
        created_at=row.created_at,
        disabled_at=row.disabled_at,
        version=row.version,
    )


async def _count(context: Context) -> int:
    async with context.read() as db:
        return await clients.count_clients(db)


async def _load_secrets(context: Context, ids: list[str]) -> Sequence[list[rows.ClientSecret]]:
    async with context.read() as db:
        found = await clients.secrets_of(db, *ids)
    return [[secret for secret in found if secret.client_id == id] for id in ids]
