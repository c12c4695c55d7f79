"""The authorization server's routes for clients: tokens, revocation, introspection, metadata."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from watchword.auth.http.http_json import json_response
from watchword.auth.service import AuthService
from watchword.oauth.endpoints.form import oauth_response
from watchword.oauth.endpoints.introspection import introspect
from watchword.oauth.endpoints.revocation import revoke_token
from watchword.oauth.endpoints.token_endpoint import give_tokens
from watchword.oauth.metadata import INTROSPECT, MAX_AGE, REVOKE, TOKEN, metadata, paths


def routes(auth: AuthService) -> APIRouter:
    """Make the endpoints that clients call; `authorize_routes` has the page that people see."""
    router = APIRouter()

    @router.post(TOKEN)
    async def token(request: Request) -> Response:
        """Give tokens for an authorization code, a refresh token or client credentials (RFC 6749)."""
        return await oauth_response(request, give_tokens(auth, request))

    @router.post(REVOKE)
    async def revocation(request: Request) -> Response:
        """Revoke a client's refresh or access token (RFC 7009)."""
        return await oauth_response(request, revoke_token(auth, request))

    @router.post(INTROSPECT)
    async def introspection(request: Request) -> Response:
        """Tell an authorised client whether a token is active, and its claims (RFC 7662)."""
        return await oauth_response(request, introspect(auth, request))

    async def about() -> Response:
        """Return the metadata of the authorization server (RFC 8414)."""
        return json_response(metadata(auth.settings, auth.domain), kept=MAX_AGE)

    for path in paths(auth.settings):
        # RFC 9110, section 9.1: a resource that supports GET supports HEAD.
        router.add_api_route(path, about, methods=["GET", "HEAD"])
    return router
