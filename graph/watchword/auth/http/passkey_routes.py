"""The route that gives browsers and apps the challenge for a passkey, to sign in or to step up."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from watchword.asgi.types import header
from watchword.auth.http.http_json import json_body, json_response, respond
from watchword.auth.http.routes import first_party
from watchword.auth.passkeys import passkeys
from watchword.auth.service import AuthService

OPTIONS = "/api/auth/passkeys/options"


def routes(auth: AuthService) -> APIRouter:
    """Return the route for request options. Passkeys are registered by GraphQL (beginPasskey, addPasskey)."""
    router = APIRouter()

    @router.post(OPTIONS)
    async def options(request: Request) -> Response:
        """Options for `navigator.credentials.get`: to sign in, or with an access token to step up."""
        return await respond(request, _options(auth, request))

    return router


async def _options(auth: AuthService, request: Request) -> Response:
    """Answer with request options: for a step-up if there is an access token, otherwise for a sign-in.

    Options for a sign-in name no account, so they do not reveal which accounts exist. Requests are not
    counted: making options costs less than a rate limit would.
    """
    await json_body(request, auth.settings)
    settings, vault, now = auth.settings, auth.services.vault, auth.clock.now()
    if not header(request.scope, b"authorization"):
        return json_response(passkeys.options(settings, vault, now))
    account = (await first_party(auth, request)).subject
    async with auth.services.database.read() as db:
        known = await passkeys.passkeys_of(db, account)
    return json_response(passkeys.options(settings, vault, now, account, known))
