"""What every session does: it holds an access token, renews it early, and runs queries and mutations."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import replace
from types import TracebackType
from typing import Any, Self

from gql import GraphQLRequest

from watchword.client.errors import (
    ClientError,
    Refused,
    SecondFactorNeeded,
    Unavailable,
    code_of,
    query_error,
    seconds_of,
)
from watchword.client.server import GRAPHQL, Answer, Server, Token

# A token is renewed when this part of its life is over.
EARLY = 0.5
# Seconds until the next attempt, when a renewal has failed and the token is still valid. The server may ask for more.
AGAIN = 10.0


class Session(ABC):
    """Holds an access token for a server, and renews it: early, and one renewal at a time."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self._held: Token | None = None
        self._renewing: asyncio.Task[Token] | None = None
        self._listeners: set[Callable[[], object]] = set()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the connections to the server. The session on the server stays as it is."""
        await self.server.close()

    async def token(self) -> Token | None:
        """Return an access token that the server should accept; None for the public.

        Raises `SessionEnded`, `Refused`, and `Unavailable` if there is no valid token and the server cannot
        be reached.
        """
        held, now = self._held, self.server.now()
        if held is not None and now < held.renew_at:
            return held
        try:
            return await self._renewed()
        except Unavailable as error:
            if held is None or self._held is not held or now >= held.expires_at:
                raise
            again = now + max(AGAIN, error.retry_after or 0.0)
            self._held = replace(held, renew_at=min(again, held.expires_at))
            return self._held

    async def renew(self, old: Token | None) -> Token | None:
        """Return another token than this one, which ends soon. Raises as `token` does."""
        held = self._held
        is_new = held is not None and old is not None and held.text != old.text
        if is_new and held is not None and self.server.now() < held.renew_at:
            return held
        return await self._renewed()

    def expire(self, token: Token | None) -> None:
        """Note that the server refuses this token: the next caller of `token` gets another."""
        if token is not None and self._held is not None and self._held.text == token.text:
            self._held = None

    def on_end(self, callback: Callable[[], object]) -> Callable[[], None]:
        """Call back when nobody is signed in any more. Returns what stops that."""
        self._listeners.add(callback)
        return lambda: self._listeners.discard(callback)

    async def execute(
        self,
        document: str | GraphQLRequest,
        variables: Mapping[str, Any] | None = None,
        *,
        operation_name: str | None = None,
    ) -> dict[str, Any]:
        """Run a query or a mutation over HTTP, and return its data.

        Raises gql's `TransportQueryError` when the answer has errors (`errors` and `data` are in it),
        `Unavailable`: a mutation may have been committed then, and `ClientError` when something else than
        the server has answered, as a proxy does. A request that was refused because of its token, before
        anything ran, is sent once more with a new one.
        """
        request = request_of(document, variables, operation_name)
        token = await self.token()
        answer = await self.server.post(GRAPHQL, token, json=request.payload)
        if is_refused(answer):
            self.expire(token)
            answer = await self.server.post(GRAPHQL, await self.token(), json=request.payload)
        if errors := answer.errors:
            raise query_error(errors, answer.body.get("data"), answer.body.get("extensions"))
        if answer.is_later:
            raise Unavailable(f"The server answered {answer.status}.", answer.retry_after)
        if not isinstance(data := answer.body.get("data"), dict):
            raise ClientError(f"The answer ({answer.status}) is not one of GraphQL. Check the URL.")
        return data

    @abstractmethod
    async def _obtain(self) -> Token:
        """Ask the server for a new access token, and return it. Raises as `token` does."""

    def _tell_end(self) -> None:
        for callback in [*self._listeners]:
            callback()

    async def _renewed(self) -> Token:
        # Concurrent callers share one request. It goes on if its first caller is cancelled: the server may
        # have replaced the refresh token already, and the answer with the new one would be lost.
        if self._renewing is None:
            self._renewing = asyncio.create_task(self._obtain())
            self._renewing.add_done_callback(self._renewal_ended)
        return await asyncio.shield(self._renewing)

    def _renewal_ended(self, task: asyncio.Task[Token]) -> None:
        self._renewing = None
        if not task.cancelled() and task.exception() is None:
            self._held = task.result()


def is_refused(answer: Answer) -> bool:
    """Tell whether the token was refused, before anything ran, so that another one may help."""
    code = code_of(answer.errors)
    return answer.status == 401 and code in ("TOKEN_EXPIRED", "TOKEN_REVOKED")


def request_of(
    document: str | GraphQLRequest,
    variables: Mapping[str, Any] | None = None,
    operation_name: str | None = None,
) -> GraphQLRequest:
    """Return a request. Raises graphql-core's `GraphQLError` for a document that cannot be read."""
    return GraphQLRequest(
        document,
        variable_values=None if variables is None else dict(variables),
        operation_name=operation_name,
    )


def granted(answer: Answer, asked_at: float) -> Token:
    """Return the access token in an answer to a sign-in, a refresh or a token request.

    Raises what the answer says: `Unavailable`, `SecondFactorNeeded` or `Refused`.
    """
    body = answer.body
    if answer.status == 200 and isinstance(body.get("access_token"), str):
        life = seconds_of(body.get("expires_in"))
        scheme = "DPoP" if str(body.get("token_type")).lower() == "dpop" else "Bearer"
        return Token(body["access_token"], scheme, asked_at + life * EARLY, asked_at + life)
    error = str(body.get("error", "invalid_response"))
    description = str(body.get("error_description", f"The server answered {answer.status}."))
    if answer.is_later:
        raise Unavailable(description, answer.retry_after)
    kind = SecondFactorNeeded if error == "mfa_required" else Refused
    raise kind(error, description)
