"""Remembers requests that come again and again, so that each is decoded once. Pure.

A front end sends the same few bodies and query strings all the time. Only those that come a second time are kept,
so that a secret in a variable does not stay in memory, and ever other variables replace nothing.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import Any

from watchword.transports.request import GraphQLRequest

# The longest text that is kept, and the most memory that all of them take, in bytes.
LONGEST, MOST_BYTES = 4_096, 2_000_000
# Memory of an entry besides its text, which it has about three times.
OVERHEAD = 1_000
# So many texts that came once are remembered, by their hashes.
SEEN = 1_000
_UNCHANGEABLE = frozenset((str, int, float, bool, type(None)))


class Remembered:
    """The requests in the last texts that came at least twice."""

    def __init__(self, read: Callable[[bytes], GraphQLRequest]) -> None:
        """`read` decodes a text. It must always make the same of it, or raise."""
        self._read = read
        self._kept: OrderedDict[bytes, GraphQLRequest] = OrderedDict()
        self._seen: OrderedDict[int, None] = OrderedDict()
        self.size = 0

    def __contains__(self, text: bytes) -> bool:
        return text in self._kept

    def read(self, text: bytes) -> GraphQLRequest:
        """Return the request in a text. Raises what `read` raises."""
        kept = self._kept.get(text)
        if kept is not None:
            self._kept.move_to_end(text)
            # Resolvers may change what they are given.
            return _copied(kept)
        request = self._read(text)
        if len(text) <= LONGEST and self._came_before(text) and _is_flat(request):
            self._keep(text, request)
        return request

    def _came_before(self, text: bytes) -> bool:
        number = hash(text)
        if number in self._seen:
            return True
        self._seen[number] = None
        if len(self._seen) > SEEN:
            self._seen.popitem(last=False)
        return False

    def _keep(self, text: bytes, request: GraphQLRequest) -> None:
        self._kept[text] = _copied(request)
        self.size += _size(text)
        while self.size > MOST_BYTES:
            self.size -= _size(self._kept.popitem(last=False)[0])


def _size(text: bytes) -> int:
    return 3 * len(text) + OVERHEAD


def _is_flat(request: GraphQLRequest) -> bool:
    """Tell whether nothing in a request can be changed by what gets it, besides the tables that `_copied` copies."""
    return _has_flat_extensions(request.extensions) and _are_unchangeable(request.variables)


def _has_flat_extensions(extensions: dict[str, Any] | None) -> bool:
    # Apollo Client sends its name and version in a table, and the hash of the document in another.
    return not extensions or all(
        _are_unchangeable(each) if type(each) is dict else type(each) in _UNCHANGEABLE
        for each in extensions.values()
    )


def _are_unchangeable(table: dict[str, Any] | None) -> bool:
    return not table or all(type(each) in _UNCHANGEABLE for each in table.values())


def _copied(request: GraphQLRequest) -> GraphQLRequest:
    variables, extensions = request.variables, request.extensions
    if not variables and not extensions:
        return request
    tables = extensions and {
        name: {**each} if type(each) is dict else each for name, each in extensions.items()
    }
    # Not `_replace`, which takes three times as long.
    return GraphQLRequest(
        request.query,
        request.operation_name,
        variables and {**variables},
        tables,
        request.files,
        request.document_id,
    )
