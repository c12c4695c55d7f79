"""A GraphQL request, read the same way for every transport. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from watchword.errors import BadUserInput, PersistedQueryNotSupported


@dataclass(frozen=True, slots=True)
class GraphQLRequest:
    """The parameters of a request (GraphQL over HTTP, section "Request Parameters")."""

    query: str
    operation_name: str | None = None
    variables: dict[str, Any] | None = None
    extensions: dict[str, Any] | None = None

    @property
    def resume(self) -> str | None:
        """The cursor after which a subscription continues (`extensions.resume`)."""
        return (self.extensions or {}).get("resume")


def read(value: object) -> GraphQLRequest:
    """Read a request from decoded JSON.

    Raises `BadUserInput`, which names the faulty member, and `PersistedQueryNotSupported` when the request
    has the hash of a document in place of the document.
    """
    if isinstance(value, list):
        raise BadUserInput("Batches are not supported: send one request at a time.")
    if not isinstance(value, dict):
        raise BadUserInput("The request must be a JSON object with a member 'query'.")
    query = _member(value, "query", str, "a string")
    extensions = _member(value, "extensions", dict, "an object or null")
    if query is None:
        if extensions and extensions.get("persistedQuery") is not None:
            raise PersistedQueryNotSupported
        raise BadUserInput("The member 'query' is missing.", ["query"])
    if extensions and not isinstance(extensions.get("resume"), str | None):
        raise BadUserInput("extensions.resume must be a cursor.", ["extensions", "resume"])
    return GraphQLRequest(
        query,
        # Several clients send an empty name when there is none.
        _member(value, "operationName", str, "a string or null") or None,
        _member(value, "variables", dict, "an object or null"),
        extensions,
    )


def _member(value: dict[str, Any], name: str, kind: type, words: str) -> Any:
    member = value.get(name)
    if member is not None and not isinstance(member, kind):
        raise BadUserInput(f"The member {name!r} must be {words}.", [name])
    return member
