"""Counts live connections of this process: those that are open, and those that ended, by the code that says why. Pure."""

from __future__ import annotations

from collections import Counter

SOCKET, STREAM = "websocket", "stream"

LOST = "lost"
"""In place of a code: the client went away without a word."""
COMPLETE = "complete"
"""In place of a code: the operation of a stream has ended."""
REFUSED = "refused"
"""In place of a code: the operation of a stream was refused, or ended with an error."""
# RFC 6455, section 7.4.1, and the codes that the server itself uses. A client may send any other.
CODES = frozenset(
    [1000, 1001, 1002, 1003, 1005, 1006, 1007, 1008, 1009, 1011, 1012, 1013, 1014]
    + [4400, 4401, 4403, 4406, 4408, 4409, 4429]
)
OTHER = "(other)"


class Traffic:
    """The live connections of one app."""

    def __init__(self) -> None:
        self.open: Counter[str] = Counter({SOCKET: 0, STREAM: 0})
        """How many are open, by their transport."""
        self.closed: Counter[tuple[str, str]] = Counter()
        """How many have ended, by their transport and code."""

    def opened(self, transport: str) -> None:
        """Count a connection that begins."""
        self.open[transport] += 1

    def refused(self, transport: str, code: int) -> None:
        """Count a connection that ends before it has begun."""
        self.opened(transport)
        self.ended(transport, code)

    def ended(self, transport: str, code: int | str) -> None:
        """Count a connection that ends. `code` is a close code, the code of an error, or one of the words above."""
        self.open[transport] -= 1
        is_known = isinstance(code, str) or code in CODES
        self.closed[transport, str(code) if is_known else OTHER] += 1
