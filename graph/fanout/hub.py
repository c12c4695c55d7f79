"""The hub: the one reader of the bus inside a process, and every mailbox of it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from graph.ending import Ending
from graph.events import Event
from graph.fanout.mailbox import Mailbox

Topic = tuple[str, str | None]
"""A stream and, when only one thing in it is followed, its key."""


class Hub:
    """Sorts each event into the mailboxes that follow its stream, or its key within the stream."""

    def __init__(self, mailbox_limit: int) -> None:
        self.mailbox_limit = mailbox_limit
        self._mailboxes: defaultdict[Topic, set[Mailbox]] = defaultdict(set)

    def receive(self, event: Event) -> None:
        """Take one event from the bus. Never blocks."""
        for topic in ((event.stream, None), (event.stream, event.key)):
            for mailbox in tuple(self._mailboxes.get(topic, ())):
                mailbox.put(event)

    @contextmanager
    def follow(
        self, stream: str, key: str | None, over: Callable[[Ending], object]
    ) -> Iterator[Mailbox]:
        """Lend a mailbox that gets all that happens in the stream, or to its key, from now on."""
        topic = (stream, key)
        mailbox = Mailbox(self.mailbox_limit, over)
        self._mailboxes[topic].add(mailbox)
        try:
            yield mailbox
        finally:
            self._mailboxes[topic].discard(mailbox)
            if not self._mailboxes[topic]:
                del self._mailboxes[topic]

    def __len__(self) -> int:
        """Count the mailboxes."""
        return sum(len(mailboxes) for mailboxes in self._mailboxes.values())
