"""The authorization endpoint (RFC 6749, section 3.1): the consent page, and the person's decision.

A decision needs an access token, which the page gets by signing in as our other front ends do. A cookie is
not enough, so another site cannot forge a decision (CSRF). Other sites cannot embed the page in a frame,
so they cannot trick the person into a click (clickjacking).
"""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request, Response
from starlette.responses import RedirectResponse

from watchword.asgi.types import is_same_origin
from watchword.auth.http import request_auth
from watchword.auth.http.http_json import (
    Refusal,
    challenge_header,
    device_of,
    json_body,
    json_response,
    respond,
)
from watchword.auth.service import AuthService
from watchword.config.settings import Settings
from watchword.errors import InvalidProof, Unauthenticated
from watchword.oauth.authorize import consent_page
from watchword.oauth.authorize.authorization import (
    AuthorizationRequest,
    Parameters,
    ReturnAddress,
    address_of,
    check,
)
from watchword.oauth.authorize.decisions import allow, grant, is_settled, question, resource_owner
from watchword.oauth.errors import OAuthError
from watchword.oauth.metadata import AUTHORIZE
from watchword.principal import Actor, Principal
from watchword.transaction import transaction


def routes(auth: AuthService) -> APIRouter:
    """Make the authorization endpoint."""
    router = APIRouter()

    # RFC 9110, section 9.1: a resource that supports GET supports HEAD.
    @router.api_route(AUTHORIZE, methods=["GET", "HEAD"])
    async def show(request: Request) -> Response:
        """Show the consent page to a person: the authorization endpoint (RFC 6749, section 3.1)."""
        return await respond(request, _show(auth, request))

    @router.post(AUTHORIZE)
    async def decide(request: Request) -> Response:
        """For the consent page only: return what the client asks for, and take the person's decision."""
        return await respond(request, _decide(auth, request))

    return router


async def _show(auth: AuthService, request: Request) -> Response:
    settings = auth.settings
    try:
        parameters = Parameters.of_query(request.scope["query_string"])
        address = await _address(auth, parameters)
    except OAuthError as error:
        return consent_page.problem(error.description)
    try:
        asked = check(address, parameters, settings.step_up_seconds)
    except OAuthError as error:
        # 303, so that the browser requests the redirect URI by GET (RFC 9700, section 4.12).
        return RedirectResponse(address.refused(error), 303, {"cache-control": "no-store"})
    return consent_page.page(asked, settings.dpop)


async def _decide(auth: AuthService, request: Request) -> Response:
    _check_origin(request, auth.settings)
    body = await json_body(request, auth.settings)
    decision = _decision(body)
    try:
        parameters = Parameters.of_object(body)
        address = await _address(auth, parameters)
        return json_response(await _outcome(auth, request, decision, address, parameters))
    except OAuthError as error:
        headers = challenge_header(request) if error.status == 401 else {}
        raise Refusal(error.status, error.error, error.description, headers) from error


async def _address(auth: AuthService, parameters: Parameters) -> ReturnAddress:
    async with auth.services.database.read() as db:
        return await address_of(db, parameters, auth.settings.issuer)


async def _outcome(
    auth: AuthService,
    request: Request,
    decision: str,
    address: ReturnAddress,
    parameters: Parameters,
) -> dict[str, object]:
    """Return the URL to redirect to, or the question that the page must ask the person first.

    Raises `OAuthError` when the person is not signed in, or not recently enough.
    """
    try:
        asked = check(address, parameters, auth.settings.step_up_seconds)
        if decision == "deny":
            raise OAuthError("access_denied", "The person did not allow it.")
    except OAuthError as error:
        return {"redirect_to": address.refused(error)}
    principal = await _principal(auth, request)
    return await _decided(auth, principal, device_of(request).address, asked, decision)


async def _decided(
    auth: AuthService,
    principal: Principal,
    network_address: str,
    asked: AuthorizationRequest,
    decision: str,
) -> dict[str, object]:
    services = auth.services
    actor = Actor(principal.subject, principal.session, principal.client, network_address)
    async with transaction(services.database, services.bus, services.clock.now(), actor) as unit:
        person = await resource_owner(unit, auth, principal, asked)
        if not person.scopes:
            nothing = OAuthError("access_denied", "The person has none of these scopes itself.")
            return {"redirect_to": asked.address.refused(nothing)}
        if decision == "allow":
            return {"redirect_to": await allow(unit, auth, asked, person)}
        if await is_settled(unit, asked, person):
            return {"redirect_to": await grant(unit, auth, asked, person)}
        return question(asked, person, auth.domain.descriptions)


async def _principal(auth: AuthService, request: Request) -> Principal:
    try:
        return await request_auth.principal_of(auth, request)
    except InvalidProof:
        raise
    except Unauthenticated as error:
        raise OAuthError("invalid_token", error.message, 401) from error


def _check_origin(request: Request, settings: Settings) -> None:
    # RFC 9700, section 2.6: refuse pages of all other origins, even those in the allowed origins.
    if not is_same_origin(request.scope, [settings.own_origin]):
        raise Refusal(403, "invalid_request", "A decision is made on our own page.")


def _decision(body: dict[str, Any]) -> str:
    decision = body.pop("decision", "ask")
    if decision not in ("ask", "allow", "deny"):
        raise Refusal(400, "invalid_request", "The member 'decision' must be ask, allow or deny.")
    return str(decision)
