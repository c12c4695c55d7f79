"""uvicorn's HTTP connection, with one timer for the time between requests, which goes on while they come and go.

uvicorn makes a timer after each response and cancels it at the next request, which costs as much as reading a head
that comes again.
"""

from __future__ import annotations

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol


class IdleProtocol(HttpToolsProtocol):
    """An HTTP connection that is closed when `timeout_keep_alive` seconds have passed since its last response."""

    # When the last response was complete, by the loop's clock, if nothing of another request has come since.
    _idle_since: float | None = None

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        if self.timeout_keep_alive_task is not None:
            self.timeout_keep_alive_task.cancel()

    def on_response_complete(self) -> None:
        self.server_state.total_requests += 1
        if self.transport.is_closing():
            return
        self.flow.resume_reading()
        if self.pipeline:
            self._start_asgi_task(*self.pipeline.pop())
            return
        self._idle_since = self.loop.time()
        if self.timeout_keep_alive_task is None:
            self._look_in(self.timeout_keep_alive)

    def timeout_keep_alive_handler(self) -> None:
        self.timeout_keep_alive_task = None
        if self._idle_since is None:
            # A request is being received or answered. The end of its response starts the timer again.
            return
        left = self._idle_since + self.timeout_keep_alive - self.loop.time()
        if left > 0:
            self._look_in(left)
        else:
            super().timeout_keep_alive_handler()

    @property
    def _awaits_request(self) -> bool:
        """Whether a response was sent and nothing was received since."""
        return self._idle_since is not None

    def _unset_keepalive_if_required(self) -> None:
        self._idle_since = None

    def _look_in(self, seconds: float) -> None:
        look = self.timeout_keep_alive_handler
        self.timeout_keep_alive_task = self.loop.call_later(seconds, look)
