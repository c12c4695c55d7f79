"""FastAPI dependencies for routes beside a mounted `Watchword`: the caller, and permissions as /graphql asks them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from types import SimpleNamespace
from typing import Annotated, Any, cast

from fastapi import Depends, HTTPException, Request, Response

from watchword.asgi.types import address_of
from watchword.context import Context, close_context
from watchword.errors import (
    BadUserInput,
    Forbidden,
    InvalidProof,
    RateLimited,
    StepUpRequired,
    TimedOut,
    TokenNotYetValid,
    Unauthenticated,
    Unavailable,
    WatchwordError,
)
from watchword.extras_scope import using
from watchword.mounting.asgi_app import SEVERAL, Watchword
from watchword.permissions.field import Permission, refuse
from watchword.permissions.rules import Question
from watchword.permissions.verdict import Denied
from watchword.principal import Principal
from watchword.tokens.challenge import challenge, step_up_challenge
from watchword.tokens.credential import from_headers, in_url, uses_dpop
from watchword.tokens.dpop import Target

# The key in a request's scope under which its principal is kept: a DPoP proof can be used only once.
_PRINCIPAL = "watchword.principal"


async def current_principal(request: Request, response: Response) -> Principal:
    """Return the principal of a request, for `Depends(current_principal)`; `ANONYMOUS` without a token.

    A token is refused as at /graphql: 401 with its challenge when it is not valid, has expired, is revoked or lacks
    its DPoP proof; 503 when that cannot be told just now, and while Watchword's lifespan has not run.
    """
    watchword = _watchword(request)
    try:
        principal = await _authenticate(watchword, request)
    except WatchwordError as error:
        raise _exception(watchword, request, error) from error
    if watchword.nonce is not None and request.headers.get("dpop"):
        response.headers["dpop-nonce"] = watchword.nonce()
        response.headers["cache-control"] = "no-store"
    return principal


def requires(permission: type[Permission]) -> Callable[..., Awaitable[Principal]]:
    """Return a dependency that lets only callers with a permission in, and gives the route the caller.

        @app.get("/orders")
        async def orders(caller: Annotated[Principal, Depends(requires(HasScope("orders:read")))]): ...

    A caller without a token gets 401, one with another token 403; one that must authenticate again gets 401 with
    `max_age` (RFC 9470). The `detail` of the answer has `message` and `extensions`, as an error of /graphql. A
    condition is asked with the route's path parameters as arguments, and without an object.
    """

    async def check(
        request: Request, principal: Annotated[Principal, Depends(current_principal)]
    ) -> Principal:
        watchword = _watchword(request)
        context = Context(watchword.pipeline.services, principal, via=request.scope)
        info = SimpleNamespace(context=context, place=request.scope["route"].path)
        question = Question(principal, None, info, request.path_params)
        try:
            verdict = await using(context.extras_scope, permission.rule.decide_async(question))
            if isinstance(verdict, Denied):
                refuse(verdict, principal)
            # The token may have expired or been revoked while the permission was asked.
            return watchword.pipeline.recheck_token(principal)
        except WatchwordError as error:
            raise _exception(watchword, request, error) from error
        finally:
            await close_context(context)

    return check


def _watchword(request: Request) -> Watchword:
    found = getattr(request.app.state, "watchword", None)
    if found is None:
        raise HTTPException(
            503,
            "Watchword is not open: pass lifespan=watchword.lifespan to this app, or enter"
            " watchword.lifespan(app) in its lifespan.",
        )
    if found is SEVERAL:
        # The one that was opened last would let its own callers in, wherever those of another were meant.
        raise HTTPException(
            503,
            "Several Watchwords are open in this app: set app.state.watchword to the one whose tokens its routes take,"
            " once all are open.",
        )
    return cast(Watchword, found)


async def _authenticate(watchword: Watchword, request: Request) -> Principal:
    scope, pipeline = request.scope, watchword.pipeline
    if not watchword.is_open:
        raise Unavailable("The server is not open yet. Try again in a moment.")
    if in_url(scope["query_string"]):
        raise BadUserInput("Send the token in the Authorization header, never in the URL.")
    principal: Principal | None = scope.get(_PRINCIPAL)
    if principal is None:
        target = Target(scope["method"], scope["path"], address=address_of(scope["client"]))
        principal = await pipeline.authenticate(from_headers(scope["headers"]), target)
        scope[_PRINCIPAL] = principal
    return pipeline.recheck_token(principal)


def _exception(watchword: Watchword, request: Request, error: WatchwordError) -> HTTPException:
    return HTTPException(
        error.status, error.as_dict(), headers=_headers(watchword, request, error) or None
    )


def _headers(watchword: Watchword, request: Request, error: WatchwordError) -> dict[str, str]:
    is_bound = watchword.settings.dpop == "required" or uses_dpop(request.scope["headers"])
    match error:
        case StepUpRequired():
            # RFC 9470, section 3.
            said = step_up_challenge(error.max_age, error.acr_values, bound=is_bound)
            return {"www-authenticate": said}
        case Forbidden():
            # RFC 6750, section 3.1.
            scope = error.extensions.get("requires", {}).get("scope")
            why = 'error="insufficient_scope"' + (f', scope="{scope}"' if scope else "")
            return _challenge(why, is_bound)
        case Unauthenticated():
            return _unauthenticated(error, is_bound)
        case RateLimited():
            return {"retry-after": str(round(error.extensions["retryAfter"]))}
        case Unavailable() | TimedOut():
            return {"retry-after": "1"}
    return {}


def _challenge(why: str, is_bound: bool) -> dict[str, str]:
    return {"www-authenticate": f'{"DPoP" if is_bound else "Bearer"} realm="watchword", {why}'}


def _unauthenticated(error: Unauthenticated, is_bound: bool) -> dict[str, str]:
    # RFC 6750, section 3.1: without a token there is no error code.
    fault: Any = error if type(error) is not Unauthenticated else None
    headers = {"www-authenticate": challenge(fault, bound=is_bound)}
    if isinstance(error, InvalidProof) and error.nonce is not None:
        headers["dpop-nonce"] = error.nonce
    if isinstance(error, TokenNotYetValid):
        headers["retry-after"] = str(error.retry_after)
    return headers
