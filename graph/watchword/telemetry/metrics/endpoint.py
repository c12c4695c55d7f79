"""The route /metrics, which Prometheus reads. Needs `watchword[metrics]`."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from watchword.auth.http.http_json import challenge_header, json_response
from watchword.errors import Unauthenticated, WatchwordError
from watchword.telemetry.metrics.access import Access
from watchword.telemetry.metrics.prometheus import OwnMetrics, write
from watchword.telemetry.metrics.workers.report import Own, Total

PATH = "/metrics"
# RFC 6750, section 3.1, and RFC 6749, section 4.1.2.1.
NAMES = {401: "invalid_token", 403: "insufficient_scope", 503: "temporarily_unavailable"}


def own() -> Callable[[], Own]:
    """Return what reads the metrics of this process that are not the app's."""
    return OwnMetrics().read


def route(scrape: Callable[[], Awaitable[Total]], access: Access) -> Route:
    """Make the route. `scrape` reads everything, and raises a `WatchwordError` if it cannot."""

    async def metrics(request: Request) -> Response:
        """The metrics of this server, in Prometheus' format, for the networks of `WATCHWORD_METRICS_NETWORKS` and for
        tokens with the scope `metrics:read`."""
        try:
            await access.check(request.scope)
            total = await scrape()
        except WatchwordError as error:
            return _refusal(request, error)
        text, content_type = write(total, request.headers.get("accept", ""))
        headers = {"content-type": content_type, "cache-control": "no-store"}
        return Response(text, headers=headers)

    return Route(PATH, metrics, methods=["GET"])


def _refusal(request: Request, error: WatchwordError) -> Response:
    answer = {
        "error": NAMES.get(error.status, "invalid_request"),
        "error_description": error.message,
    }
    response = json_response(answer, error.status)
    if isinstance(error, Unauthenticated):
        given = None if type(error) is Unauthenticated else error
        response.headers.update(challenge_header(request, given))
    return response
