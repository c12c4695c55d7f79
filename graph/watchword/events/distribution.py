"""Puts an event into the mailboxes that it is for, so many in each turn of the event loop.

An event to 10,000 subscribers would hold the loop for more than ten milliseconds if all mailboxes got it in one turn.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterator, Sequence
from itertools import islice

from watchword.events.event import Event
from watchword.events.mailbox import Mailbox

# The mailboxes that get an event in one turn. With caches that other work has filled, each takes a microsecond or more.
AT_ONCE = 2_000


class Distribution:
    """Puts the events of one stream into mailboxes, in order.

    `coming` has the events that some mailboxes still lack. A mailbox that is looked at takes its own from there first, so
    nobody sees one that lacks an event.
    """

    def __init__(self) -> None:
        self.coming: list[Event] = []
        # For each of these events, the mailboxes that have not been served.
        self._unserved: deque[Iterator[Mailbox]] = deque()

    def put(self, event: Event, mailboxes: Sequence[Mailbox]) -> None:
        """Put an event into mailboxes: now, if they are few and no event is before it, or else in turns."""
        if not self.coming and len(mailboxes) <= AT_ONCE:
            for mailbox in mailboxes:
                mailbox.put(event)
            return
        self.coming.append(event)
        self._unserved.append(iter(mailboxes))
        if len(self.coming) == 1:
            self._serve()

    def clear(self) -> None:
        """Forget the events that some mailboxes lack: all of these are told that they cannot continue."""
        self.coming.clear()
        self._unserved.clear()

    def _serve(self) -> None:
        if not self.coming:
            return
        event, served = self.coming[0], 0
        for mailbox in islice(self._unserved[0], AT_ONCE):
            mailbox.put(event)
            served += 1
        if served < AT_ONCE:
            del self.coming[0]
            self._unserved.popleft()
        if self.coming:
            asyncio.get_running_loop().call_soon(self._serve)
