"""The responses of the HTTP transport that are one piece: answers, refusals and failures."""

from __future__ import annotations

import re
from typing import Any

from watchword.asgi.types import Fixed, Header, Headers, Response
from watchword.errors import InvalidProof, StepUpRequired, TokenNotYetValid, WatchwordError
from watchword.execution.masking import to_json
from watchword.principal import Principal
from watchword.tokens.challenge import challenge, step_up_challenge
from watchword.transports.http.accept import choose
from watchword.transports.http.caching import PRIVATE

JSON = "application/json"
GRAPHQL_JSON = "application/graphql-response+json"
# The Content-Type of each media type of an answer, and the headers of an answer that nobody may cache.
CONTENT_TYPES: dict[str, tuple[Header, Fixed]] = {
    media_type: (content_type, Fixed((content_type, *PRIVATE)))
    for media_type in (JSON, GRAPHQL_JSON)
    for content_type in [(b"content-type", f"{media_type}; charset=utf-8".encode())]
}
# A name in a quoted string of a header: one of those that acr_values separates by spaces.
_CLASS = re.compile(r"[\x21\x23-\x5b\x5d-\x7e]{1,200}")


class Failure(Exception):
    """The request is answered with this error, and nothing is run."""

    def __init__(self, status: int, error: WatchwordError, headers: Headers = ()) -> None:
        super().__init__(error.message)
        self.status = status
        self.error = error
        self.headers = headers


def plain_media_type(accept: str) -> str:
    """Return the media type of an answer that is not streamed."""
    return choose(accept, (JSON, GRAPHQL_JSON)) or JSON


def response(
    status: int, answer: dict[str, Any], media_type: str, headers: Headers = ()
) -> Response:
    """Return an answer that nobody may cache."""
    return Response(status, to_json(answer), (*CONTENT_TYPES[media_type][1], *headers))


def refusal(
    errors: list[dict[str, Any]],
    media_type: str,
    accept: str,
    extensions: dict[str, Any] | None = None,
) -> Response:
    """Return the answer to a request that was not run. `media_type` is what the client would have got.

    `extensions` are what extensions of the schema say of it.
    """
    # GraphQL over HTTP, section "Status Codes": application/json has 200, and the errors are in the answer.
    status = 200 if media_type == JSON else 400
    plain = media_type if media_type in CONTENT_TYPES else plain_media_type(accept)
    answer = {"errors": errors} | ({"extensions": extensions} if extensions else {})
    return response(status, answer, plain)


def failed(failure: Failure, accept: str) -> Response:
    """Return the answer to a request that failed as a whole."""
    media_type = plain_media_type(accept)
    if failure.status == 401:
        # Clients take a body of the GraphQL media type for the result and ignore the status. They notice
        # the 401 when the body is plain JSON.
        media_type = choose(accept, (JSON,)) or media_type
    answer = {"errors": [failure.error.as_dict()]}
    return response(failure.status, answer, media_type, failure.headers)


def challenges(error: WatchwordError, is_bound: bool) -> Headers:
    """Return the headers of a 401. `is_bound` asks for a DPoP proof."""
    headers: Headers = ((b"www-authenticate", challenge(error, bound=is_bound).encode()),)
    if isinstance(error, InvalidProof) and error.nonce is not None:
        headers += ((b"dpop-nonce", error.nonce.encode()),)
    if isinstance(error, TokenNotYetValid):
        headers += ((b"retry-after", b"%d" % error.retry_after),)
    return headers


def step_up(answer: dict[str, Any], principal: Principal) -> Headers:
    """Return the challenge of an answer in which a field demands a recent sign-in; none for any other answer."""
    # RFC 9470, section 3. `max_age` is that of the strictest field, and `acr_values` are what does for all, or for one.
    if "errors" not in answer:
        return ()
    shown = [error.get("extensions", {}) for error in answer["errors"]]
    mine = [each for each in shown if each.get("code") == StepUpRequired.code]
    # A resolver's own error may have this code, with any `maxAge` and `acrValues` or none.
    ages = [age for each in mine if isinstance(age := each.get("maxAge"), int)]
    classes = [found for each in mine if (found := _classes(each.get("acrValues")))]
    if not ages and not classes:
        return ()
    common = (
        [each for each in classes[0] if all(each in other for other in classes)] if classes else []
    )
    asked = common or (classes[0] if classes else [])
    said = step_up_challenge(min(ages, default=None), asked, bound=principal.key is not None)
    return ((b"www-authenticate", said.encode()),)


def _classes(given: Any) -> list[str]:
    """Return names that fit into a header, of those that an error lists."""
    found = given if isinstance(given, list) else []
    return [each for each in found if isinstance(each, str) and _CLASS.fullmatch(each)]
