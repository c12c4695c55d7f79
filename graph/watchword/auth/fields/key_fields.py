"""GraphQL fields about the keys that sign tokens, for admins. Any schema can inherit them in its Query and Mutation."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import strawberry

from watchword.auth.keys.signing_keys import KeyState, newest_first, rotate, state_of
from watchword.auth.tables import SigningKey
from watchword.context import Context, Info
from watchword.permissions.field import FirstParty, HasScope, RecentlyAuthenticated, SignedIn
from watchword.permissions.guarded import guarded_by
from watchword.storage.columns import moment

SeesKeys = HasScope("keys:write") & FirstParty
RotatesKeys = SeesKeys & RecentlyAuthenticated()


strawberry.enum(KeyState, name="SigningKeyState", description="What a signing key is used for.")


@guarded_by(SignedIn)
@strawberry.type(
    name="SigningKey",
    description="A key that signs tokens, without its private part. The public part is in the JWKS.",
)
class SigningKeyView:
    id: strawberry.ID = strawberry.field(description="Its kid.")
    algorithm: str
    state: KeyState
    created_at: datetime
    signs_at: datetime = strawberry.field(description="When it begins to sign.")
    retires_at: datetime | None = strawberry.field(
        description="When the last token that it signed has expired, and it is deleted; null while no other"
        " key succeeds it."
    )


@strawberry.type
class SigningKeyQuery:
    """Inherit from this in a schema's Query."""

    @strawberry.field(
        permission_classes=[SeesKeys], description="The keys that sign tokens, the newest first."
    )
    async def signing_keys(self, info: Info) -> list[SigningKeyView] | None:
        return await _keys(info.context)


@strawberry.type
class SigningKeyMutation:
    """Inherit from this in a schema's Mutation."""

    @strawberry.mutation(
        permission_classes=[RotatesKeys],
        description="Publish a new key, which signs once caches know it. With atOnce it signs within seconds:"
        " services that have cached our keys may then refuse its tokens for a while. Returns all keys.",
    )
    async def rotate_signing_keys(
        self, info: Info, at_once: bool = False
    ) -> list[SigningKeyView] | None:
        services, now = info.context.services, info.context.now
        await rotate(
            services.database,
            services.vault,
            services.settings,
            now,
            at_once=at_once,
            actor=info.context.actor,
        )
        return await _keys(info.context)


async def _keys(context: Context) -> list[SigningKeyView]:
    async with context.read() as db:
        rows = await newest_first(db)
    return [_key(row, rows[:place], context.now) for place, row in enumerate(rows)]


def _key(row: SigningKey, newer: Sequence[SigningKey], now: float) -> SigningKeyView:
    return SigningKeyView(
        id=strawberry.ID(row.kid),
        algorithm=row.algorithm,
        state=state_of(row, newer, moment(now)),
        created_at=row.created_at,
        signs_at=row.signs_at,
        retires_at=row.retires_at,
    )
