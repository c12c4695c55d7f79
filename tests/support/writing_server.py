"""A server that can write a whole response at once, as our own can, or that is sent one in messages."""

from __future__ import annotations

from typing import Any

import pytest

from watchword.asgi.types import Fixed

HEADERS = Fixed([(b"content-type", b"application/json")])

both_ways = pytest.mark.parametrize(
    ("writes", "sent"),
    [
        (True, [(200, HEADERS, b"{}")]),
        (False, ["http.response.start", "http.response.body"]),
    ],
)
"""Runs a test with `writes`, for a `WritingServer`, and with what is `sent` to it for `Response(200, b"{}", HEADERS)`."""


class WritingServer:
    """The object behind our own server's `send`; `writes` says whether it can write a response at once."""

    def __init__(self, writes: bool) -> None:
        self._writes = writes
        self.sent: list[Any] = []

    def write_whole(self, *response: Any) -> bool:
        if self._writes:
            self.sent.append(response)
        return self._writes

    async def send(self, message: Any) -> None:
        self.sent.append(message["type"])
