"""A transport that keeps what is written, and an HTTP connection of `watchword serve` on it."""

from __future__ import annotations

import asyncio
from typing import Any

from uvicorn.server import ServerState

from watchword.asgi.uvicorn.frames import PipeProtocol
from watchword.cli.serve import config
from watchword.config.settings import Settings


class FakeTransport(asyncio.Transport):
    """A transport whose client reads at once. `written` has each write."""

    def __init__(self) -> None:
        super().__init__()
        self.written: list[bytes] = []
        self.is_closed = False

    def write(self, data: Any) -> None:
        self.written.append(bytes(data))

    def get_write_buffer_size(self) -> int:
        return 0

    def is_closing(self) -> bool:
        return self.is_closed

    def close(self) -> None:
        self.is_closed = True

    def abort(self) -> None:
        self.is_closed = True

    def can_write_eof(self) -> bool:
        return False

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return {"peername": ("192.0.2.1", 50_000)}.get(name, default)

    def pause_reading(self) -> None:
        pass

    def resume_reading(self) -> None:
        pass


def connected(app: Any, **more: Any) -> tuple[PipeProtocol, FakeTransport]:
    """Return an open connection to an ASGI app, and its transport. `more` is of uvicorn's configuration."""
    made = config(app, Settings(_env_file=None), **more)
    made.load()
    protocol = PipeProtocol(made, ServerState(), {}, asyncio.get_running_loop())
    transport = FakeTransport()
    protocol.connection_made(transport)
    return protocol, transport
