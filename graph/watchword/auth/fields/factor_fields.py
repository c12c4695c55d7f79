"""Fields about the caller's own passkeys and second factor, part of `IdentityQuery` and `IdentityMutation`.

They need a token of our own sign-in: a token of a third party's application or of another issuer must not
change a user's credentials. Changes need a recent authentication too.
"""

from __future__ import annotations

from datetime import datetime

import strawberry
from strawberry.scalars import JSON

from watchword.auth import tables
from watchword.auth.passkeys import passkeys
from watchword.auth.passkeys.ceremonies import PasskeyRefused
from watchword.auth.second_factor import recovery_codes, totp
from watchword.context import Context, Info
from watchword.errors import BadUserInput
from watchword.permissions.field import RecentlyAuthenticated, SignedIn, SignedInHere
from watchword.permissions.guarded import guarded_by

Recent = SignedInHere & RecentlyAuthenticated()


@guarded_by(SignedIn)
@strawberry.type(
    name="Passkey", description="A WebAuthn credential that its owner can sign in with."
)
class PasskeyView:
    id: strawberry.ID = strawberry.field(description="The credential's own id, base64url.")
    name: str
    created_at: datetime
    used_at: datetime | None = strawberry.field(description="When it was last used.")


@guarded_by(SignedIn)
@strawberry.type(description="The one-time codes (TOTP) that are required beside the password.")
class SecondFactor:
    enabled: bool
    recovery_codes_left: int


@guarded_by(SignedIn)
@strawberry.type(description="What an authenticator app needs. It is shown only once.")
class TotpSetup:
    secret: str = strawberry.field(description="In base32, for typing.")
    uri: str = strawberry.field(description="otpauth://…, for a QR code.")


@strawberry.type
class FactorQuery:
    """Part of `IdentityQuery`."""

    @strawberry.field(permission_classes=[SignedInHere], description="The caller's own passkeys.")
    async def passkeys(self, info: Info) -> list[PasskeyView] | None:
        async with info.context.read() as db:
            found = await passkeys.passkeys_of(db, info.context.principal.subject)
        return [_passkey(row) for row in found]

    @strawberry.field(
        permission_classes=[SignedInHere], description="The caller's own second factor."
    )
    async def second_factor(self, info: Info) -> SecondFactor | None:
        return await _second_factor(info.context)


@strawberry.type
class FactorMutation:
    """Part of `IdentityMutation`."""

    @strawberry.mutation(
        permission_classes=[Recent],
        description="Begin to register a passkey. Returns the options for navigator.credentials.create, as"
        " JSON (PublicKeyCredential.parseCreationOptionsFromJSON).",
    )
    async def begin_passkey(self, info: Info) -> JSON | None:
        services, subject = info.context.services, info.context.principal.subject
        async with info.context.write() as unit:
            return JSON(await passkeys.begin(unit, services.settings, services.vault, subject))

    @strawberry.mutation(
        permission_classes=[Recent],
        description="Register the passkey that the browser made: its credential.toJSON().",
    )
    async def add_passkey(self, info: Info, name: str, credential: JSON) -> PasskeyView | None:
        context, subject = info.context, info.context.principal.subject
        try:
            async with context.write() as unit:
                vault = context.services.vault
                challenge = await passkeys.use_challenge(
                    unit, vault, credential, "register", subject
                )
        except PasskeyRefused:
            raise BadUserInput(
                "This answers nothing that was asked, or too late. Begin with beginPasskey.",
                ["credential"],
            ) from None
        # The challenge was used up in a transaction of its own, so it is gone even if the passkey is refused.
        async with context.write() as unit:
            settings = context.services.settings
            row = await passkeys.add(unit, settings, subject, name, credential, challenge)
        return _passkey(row)

    @strawberry.mutation(permission_classes=[SignedInHere], description="Rename a passkey.")
    async def rename_passkey(self, info: Info, id: strawberry.ID, name: str) -> PasskeyView | None:
        async with info.context.write() as unit:
            row = await passkeys.rename(unit, info.context.principal.subject, id, name)
        return _passkey(row)

    @strawberry.mutation(
        permission_classes=[Recent],
        description="Remove a passkey, so that it cannot sign in any more. Returns its id.",
    )
    async def remove_passkey(self, info: Info, id: strawberry.ID) -> strawberry.ID | None:
        async with info.context.write() as unit:
            await passkeys.remove(unit, info.context.principal.subject, id)
        return id

    @strawberry.mutation(
        permission_classes=[Recent],
        description="Begin to use one-time codes, or another app. Nothing changes before confirmTotp.",
    )
    async def begin_totp(self, info: Info) -> TotpSetup | None:
        services = info.context.services
        async with info.context.write() as unit:
            subject = info.context.principal.subject
            setup = await totp.begin(unit, services.vault, services.settings, subject)
        return TotpSetup(secret=setup.secret, uri=setup.uri)

    @strawberry.mutation(
        permission_classes=[Recent],
        description="Require one-time codes from now on. The app's current code proves that it has the"
        " secret. Returns recovery codes, which are shown only once.",
    )
    async def confirm_totp(self, info: Info, otp: str) -> list[str] | None:
        services, subject = info.context.services, info.context.principal.subject
        limit = services.settings.sign_in_limit_per_account
        counted = await services.attempts.count(limit, "confirm totp", subject)
        async with info.context.write() as unit:
            codes = await totp.confirm(unit, services.vault, subject, otp)
        await services.attempts.forgive(counted)
        return codes

    @strawberry.mutation(
        permission_classes=[Recent],
        description="Stop requiring one-time codes, and delete the recovery codes.",
    )
    async def disable_totp(self, info: Info) -> SecondFactor | None:
        async with info.context.write() as unit:
            await totp.disable(unit, info.context.principal.subject)
        return await _second_factor(info.context)

    @strawberry.mutation(
        permission_classes=[Recent],
        description="Make new recovery codes, which are shown only once. The old ones become invalid.",
    )
    async def make_recovery_codes(self, info: Info) -> list[str] | None:
        async with info.context.write() as unit:
            return await totp.renew_recovery_codes(unit, info.context.principal.subject)


async def _second_factor(context: Context) -> SecondFactor:
    subject = context.principal.subject
    async with context.read() as db:
        return SecondFactor(
            enabled=await totp.is_enabled(db, subject),
            recovery_codes_left=await recovery_codes.left(db, subject),
        )


def _passkey(row: tables.Passkey) -> PasskeyView:
    return PasskeyView(
        id=strawberry.ID(row.id), name=row.name, created_at=row.created_at, used_at=row.used_at
    )
