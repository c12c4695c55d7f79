"""Remembers requests that come again and again, so that each is decoded once. Pure.

A front end sends the same few bodies and query strings all the time. Only those that come a second time are kept,
so that a secret in a variable does not stay in memory, and ever other variables replace nothing.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable

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
            # Resolvers may change the variables that they are given.
            return kept._replace(variables={**kept.variables}) if kept.variables else kept
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
        variables = request.variables
        self._kept[text] = request._replace(variables={**variables}) if variables else request
        self.size += _size(text)
        while self.size > MOST_BYTES:
            self.size -= _size(self._kept.popitem(last=False)[0])


def _size(text: bytes) -> int:
    return 3 * len(text) + OVERHEAD


def _is_flat(request: GraphQLRequest) -> bool:
    """Tell whether nothing in a request can be changed by what gets it, besides its variables' own table."""
    values = request.variables.values() if request.variables else ()
    return not request.extensions and all(type(each) in _UNCHANGEABLE for each in values)
