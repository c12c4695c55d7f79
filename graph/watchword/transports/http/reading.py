"""Reads the GraphQL request out of an HTTP request: at once, if all of its body has come, as of most it has."""

from __future__ import annotations

from functools import partial
from json import JSONDecodeError
from typing import Any
from urllib.parse import parse_qsl

from watchword.asgi.types import (
    BodyTooLarge,
    Message,
    Receive,
    Table,
    UnsupportedContent,
    check_content,
    read_body,
    whole_body,
)
from watchword.errors import BadUserInput, WatchwordError
from watchword.formats.exact_json import decode
from watchword.transports.http.batch import Batch, Batches, is_batch
from watchword.transports.http.remembered import Remembered
from watchword.transports.http.responses import JSON, Failure
from watchword.transports.http.uploads import is_form, make_uploads
from watchword.transports.pipeline import Pipeline
from watchword.transports.request import GraphQLRequest, read

_FAULTS = (UnsupportedContent, BodyTooLarge, JSONDecodeError, BadUserInput)


class RequestReader:
    """Reads requests out of query strings, and out of bodies that are JSON or a form with files."""

    def __init__(self, pipeline: Pipeline, batches: Batches | None) -> None:
        """Without `batches`, a list is refused."""
        self._ceiling = pipeline.ceiling
        self._most = self._ceiling.most("body_bytes")
        self._batches = batches
        self._uploads = make_uploads(pipeline)
        read_request = partial(read, needs_query=pipeline.engine.needs_query)
        self._bodies = Remembered(lambda body: read_request(decode(body)))
        self._queries = Remembered(lambda query: read_request(_query_parameters(query)))

    def remembers(self, query: bytes) -> bool:
        """Tell whether a query string came before, and a request was read out of it."""
        return query in self._queries

    def take(
        self, scope: Message, headers: Table, receive: Receive
    ) -> GraphQLRequest | Batch | None:
        """Return the request if all of it has come; None if `receive` has to wait for it. Raises `Failure`."""
        method = scope["method"]
        try:
            if method == "POST":
                if self._uploads is not None and is_form(headers):
                    return None
                # Any web page can send a form or text/plain without a preflight (CSRF), but not JSON.
                check_content(headers, JSON)
                body = whole_body(receive, self._most)
                return None if body is None else self._decoded(body)
            if method in ("GET", "HEAD"):
                return self._queries.read(scope["query_string"])
        except _FAULTS as fault:
            raise self._failure(fault) from fault
        raise Failure(
            405, BadUserInput("Use GET for queries, or POST."), ((b"allow", b"GET, HEAD, POST"),)
        )

    async def receive(
        self, scope: Message, headers: Table, receive: Receive, address: str
    ) -> GraphQLRequest | Batch:
        """Wait for what `take` could not return, and return it. Raises `Failure`, and `Gone`."""
        try:
            if self._uploads is not None and is_form(headers):
                return await self._uploads.receive(scope, headers, receive, address)
            return self._decoded(await read_body(headers, receive, self._most))
        except _FAULTS as fault:
            raise self._failure(fault) from fault

    def _decoded(self, body: bytes) -> GraphQLRequest | Batch:
        if self._batches is not None and is_batch(body):
            return self._batches.read(body)
        return self._bodies.read(body)

    def _failure(self, fault: Exception) -> Exception:
        """Return what the client is answered for a request that cannot be read."""
        match fault:
            case UnsupportedContent():
                return Failure(415, BadUserInput(fault.sentence), fault.headers)
            case BodyTooLarge():
                error = self._ceiling.refusal("body_bytes", "The body")
            case JSONDecodeError():
                error = BadUserInput(f"The body is not JSON: {fault.msg}.")
            case WatchwordError():
                error = fault
        return Failure(error.status, error)


def _query_parameters(query_string: bytes) -> dict[str, Any]:
    try:
        decoded = query_string.decode("ascii")
        given = parse_qsl(decoded, keep_blank_values=True, errors="strict")
    except ValueError as error:
        raise BadUserInput("The query string is not UTF-8, percent-encoded.") from error
    # Treat an empty parameter as absent: HTML forms send the names of fields that were not filled in.
    parameters: dict[str, Any] = {name: value for name, value in given if value}
    for name in ("variables", "extensions"):
        if name in parameters:
            parameters[name] = _json(name, parameters[name])
    return parameters


def _json(name: str, text: str) -> object:
    try:
        return decode(text)
    except JSONDecodeError as error:
        raise BadUserInput(f"The parameter {name!r} is not JSON: {error.msg}.", [name]) from error
