"""A GraphQL request, read the same way for every transport. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from watchword.config.limits import fixed
from watchword.errors import BadUserInput, QueryMissing
from watchword.execution.documents.automatic import SHA256
from watchword.formats.packed_json import PackedObject

# The member of `extensions` that has the hash of an automatic persisted query.
PERSISTED = "persistedQuery"
# The most cursors in `extensions.after`: each may cost a query.
MOST_CURSORS = fixed("cursors")


class Files:
    """The files in a request's variables. They are deleted at the end of the block."""

    __slots__ = ("_calls",)

    def __init__(self) -> None:
        self._calls: list[Callable[[], object]] = []

    def on_close(self, call: Callable[[], object]) -> None:
        """Call this when the request is over."""
        self._calls.append(call)

    def close(self) -> None:
        """Delete the files."""
        while self._calls:
            self._calls.pop()()

    def __enter__(self) -> None:
        pass

    def __exit__(self, *_: object) -> None:
        if self._calls:
            self.close()


NO_FILES = Files()


class GraphQLRequest(NamedTuple):
    """The parameters of a request (GraphQL over HTTP, section "Request Parameters").

    `document_id` names the document in place of `query`, or besides it; the hash of an automatic persisted query is
    `sha256:` and the hash. Without both, an extension of the schema may find the document by what else the request says.
    """

    query: str | None
    operation_name: str | None = None
    variables: dict[str, Any] | None = None
    extensions: dict[str, Any] | None = None
    files: Files = NO_FILES
    document_id: str | None = None

    @property
    def has_files(self) -> bool:
        """Whether the variables may contain files, which are good only for this request."""
        return self.files is not NO_FILES

    @property
    def resume(self) -> str | None:
        """The cursor after which a subscription continues (`extensions.resume`)."""
        return self.extensions.get("resume") if self.extensions else None

    @property
    def wants_position(self) -> bool:
        """Whether a subscription tells its client where it stands before the first event (`extensions.position`)."""
        return self.extensions is not None and self.extensions.get("position") is True

    @property
    def wants_cost(self) -> bool:
        """Whether the answer tells what it has cost (`extensions.cost`)."""
        return self.extensions is not None and self.extensions.get("cost") is True

    @property
    def after(self) -> Sequence[str]:
        """The cursors that the answer must not be older than (`extensions.after`)."""
        if not self.extensions:
            return ()
        given = self.extensions.get("after")
        return [given] if isinstance(given, str) else given or ()

    @property
    def refusals(self) -> str | None:
        """What becomes of this operation if grants deny a field of it (`extensions.refusals`); None for the setting."""
        return self.extensions.get("refusals") if self.extensions else None


class Opening(NamedTuple):
    """What a subscription takes of a request's `extensions`: where it begins, and what it keeps for its life."""

    resume: str | None
    wants_position: bool
    kept: PackedObject | None
    wants_cost: bool = False
    refusals: str | None = None

    @property
    def asked(self) -> tuple[bool, str | None]:
        """What each event's answer depends on: whether it tells its cost, and what becomes of what grants deny."""
        return self.wants_cost, self.refusals


# The values of `extensions.refusals`.
REFUSALS = (None, "partial", "each", "reject")
# What Watchword reads of `extensions` when an operation begins. Nobody asks for it again.
READ_AT_START = frozenset(("resume", "position", "after", "cost", "traceparent", "tracestate"))


def opening_of(request: GraphQLRequest) -> Opening:
    """Return what a subscription takes of a request. Resolvers may read what it keeps at any event."""
    left = {k: v for k, v in (request.extensions or {}).items() if k not in READ_AT_START}
    kept = PackedObject(left) if left else None
    asked = request.wants_cost, request.refusals
    return Opening(request.resume, request.wants_position, kept, *asked)


def read(value: object, *, needs_query: bool = True) -> GraphQLRequest:
    """Read a request from decoded JSON.

    Raises `BadUserInput`, which names the faulty member.
    """
    if isinstance(value, list):
        raise BadUserInput("Batching is not enabled here: send one request at a time.")
    if not isinstance(value, dict):
        raise BadUserInput("The request must be a JSON object with a member 'query'.")
    query = _member(value, "query", str, "a string")
    extensions = _member(value, "extensions", dict, "an object or null")
    document_id = _document_id(value, extensions)
    if query is None and document_id is None and needs_query:
        raise QueryMissing
    if extensions and not isinstance(extensions.get("resume"), str | None):
        raise BadUserInput("extensions.resume must be a cursor.", ["extensions", "resume"])
    for name in ("position", "cost"):
        if extensions and not isinstance(extensions.get(name), bool | None):
            raise BadUserInput(f"extensions.{name} must be true or false.", ["extensions", name])
    if extensions and not _are_cursors(extensions.get("after")):
        raise BadUserInput(
            f"extensions.after must be a cursor, or a list of at most {MOST_CURSORS}.",
            ["extensions", "after"],
        )
    if extensions and extensions.get("refusals") not in REFUSALS:
        raise BadUserInput(
            "extensions.refusals must be partial, each or reject.", ["extensions", "refusals"]
        )
    return GraphQLRequest(
        query,
        # Several clients send an empty name when there is none.
        _member(value, "operationName", str, "a string or null") or None,
        _member(value, "variables", dict, "an object or null"),
        extensions,
        document_id=document_id,
    )


def _document_id(value: dict[str, Any], extensions: dict[str, Any] | None) -> str | None:
    """Return the id of the document, from `documentId` or from the hash of an automatic persisted query."""
    given = _member(value, "documentId", str, "a string or null") or None
    persisted = extensions.get(PERSISTED) if extensions else None
    if persisted is None:
        return given
    digest = persisted.get("sha256Hash") if isinstance(persisted, dict) else None
    if not isinstance(digest, str) or persisted.get("version") != 1:
        raise BadUserInput(
            "extensions.persistedQuery must be an object with version 1 and the string sha256Hash.",
            ["extensions", PERSISTED],
        )
    return given or SHA256 + digest


def _are_cursors(given: object) -> bool:
    if isinstance(given, list):
        return len(given) <= MOST_CURSORS and all(isinstance(each, str) for each in given)
    return given is None or isinstance(given, str)


def _member(value: dict[str, Any], name: str, kind: type, words: str) -> Any:
    member = value.get(name)
    if member is not None and not isinstance(member, kind):
        raise BadUserInput(f"The member {name!r} must be {words}.", [name])
    return member
