"""A live connection without a client: a wire that is written to by hand, and the lifecycle on it."""

from __future__ import annotations

from collections.abc import Callable

from tests.support.outlet import FakeOutgoing
from watchword.connections.live import Subscribed, Transport
from watchword.errors import Ending
from watchword.transports.lifecycle import Lifecycle
from watchword.transports.pipeline import Pipeline
from watchword.transports.state import ConnectionState


class FakeWire(FakeOutgoing):
    """A wire whose client reads only when it is told to."""

    on_write: Callable[[int, int], object] | None = None
    on_shutdown: Callable[[], object] | None = None
    on_lost: Callable[[], object] | None = None
    is_shutting_down = False

    async def drained(self) -> None:
        pass

    def release(self) -> None:
        pass


class Connection:
    """Closes its lifecycle when it is ended, as the transports do."""

    def __init__(self, pipeline: Pipeline) -> None:
        self.wire = FakeWire()
        self.is_busy = False
        self.is_quiet = True
        self.endings: list[Ending] = []
        self.lifecycle = Lifecycle(pipeline, self.wire, self, ConnectionState.OPENING)

    address = "192.0.2.1"
    transport = Transport.WEBSOCKET
    subscriptions: tuple[Subscribed, ...] = ()

    def ended(self, ending: Ending) -> None:
        if self.lifecycle.close():
            self.endings.append(ending)

    def reminded(self) -> None:
        pass

    def regranted(self) -> None:
        pass
