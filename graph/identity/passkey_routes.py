"""Where a browser or an app asks what its passkey shall sign, to sign in or to step up."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from graph.actor import Actor
from graph.asgi import header
from graph.identity import passkeys
from graph.identity.challenges import Purpose
from graph.identity.exchange import answered, device_of, json_body, json_response
from graph.identity.identity import Identity
from graph.identity.routes import first_party
from graph.transaction import transaction

OPTIONS = "/api/auth/passkeys/options"


def routes(identity: Identity) -> APIRouter:
    """Make the route for request options. Registration is by GraphQL: beginPasskey, addPasskey."""
    router = APIRouter()

    @router.post(OPTIONS)
    async def options(request: Request) -> Response:
        return await answered(request, _options(identity, request))

    return router


async def _options(identity: Identity, request: Request) -> Response:
    """Answer request options: those of a sign-in, or with an access token those of a step-up.

    Without one the answer is the same for everybody: it does not tell who has an account.
    """
    await json_body(request, identity.settings)
    device, services, now = device_of(request), identity.services, identity.clock.now()
    # Each makes a row: nobody shall fill the table.
    limit = identity.settings.sign_in_limit_per_address
    await services.attempts.count(limit, "passkey options", device.address)
    purpose: Purpose = "sign-in"
    account = session = None
    if header(request.scope, b"authorization"):
        principal = await first_party(identity, request)
        purpose, account, session = "step-up", principal.subject, principal.session
    actor = Actor(account, session, address=device.address)
    async with transaction(services.database, services.bus, now, actor) as unit:
        made = await passkeys.options(unit, identity.settings, purpose, account)
    return json_response(made)
