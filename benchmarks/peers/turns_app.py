"""The measured schema on Watchword, in a server that takes the time of each turn of its event loop."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace

from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from benchmarks.peers import watchword_app


class Turns:
    """The longest turn since it was last asked for. Its callback keeps the loop turning without a pause."""

    def __init__(self) -> None:
        self._began = (0.0, 0.0)
        self._longest = [0.0, 0.0]

    async def begin(self) -> None:
        """Begin with the turn that runs now."""
        self._began = _now()
        asyncio.get_running_loop().call_soon(self._turn)

    async def tell(self, request: Request) -> JSONResponse:
        """Answer with the longest turn in seconds: by the clock, and by the processor time of this thread."""
        told, self._longest = self._longest, [0.0, 0.0]
        return JSONResponse(told)

    def _turn(self) -> None:
        now = _now()
        for index in range(2):
            self._longest[index] = max(self._longest[index], now[index] - self._began[index])
        self._began = now
        asyncio.get_running_loop().call_soon(self._turn)


def _now() -> tuple[float, float]:
    return time.monotonic(), time.thread_time()


turns = Turns()
schema = watchword_app.schema
domain = replace(watchword_app.domain, startup=turns.begin, routes=[Route("/turns", turns.tell)])
