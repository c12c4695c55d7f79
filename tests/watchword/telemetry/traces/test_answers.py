"""The execution of a shared answer belongs to the request that began it."""

from __future__ import annotations

import asyncio

from tests.support import shop
from tests.support.spans import Recorder, context_of
from tests.support.toy_server import until
from tests.watchword.telemetry.traces.conftest import Serve, Traced
from watchword.domain import Domain, Mount

MOUNT = Mount(shop.schema, Domain())
QUERY = "query Price { item(waits: true) { price } }"


async def opened(server: Traced) -> None:
    shop.world.__init__()  # type: ignore[misc]
    await server.app.pipeline.services.hub.look()


async def test_it_has_one_span_in_the_trace_of_the_request_that_began_it(serve: Serve) -> None:
    async with serve(mount=MOUNT) as server:
        await opened(server)
        waiting = [asyncio.create_task(server.ask(QUERY)) for _ in range(3)]
        counts = server.app.pipeline.shared.counts
        await until(lambda: counts["joined"] == 2)
        shop.world.gate.set()
        assert await asyncio.gather(*waiting) == [{"data": {"item": {"price": 1}}}] * 3
        # Now it is kept.
        await server.ask(QUERY)
        recorder = server.recorder
    assert counts == {"begun": 1, "joined": 2, "kept": 1}
    assert recorder.above(recorder.one("query")) == ["query", "POST /graphql"]
    requests = [span for span in recorder.spans if span.name == "POST /graphql"]
    assert len({context_of(span).trace_id for span in requests}) == 4
    named = [(span.attributes or {})["graphql.operation.name"] for span in requests]
    assert named == ["Price"] * 4


async def test_that_of_a_request_that_is_not_recorded_has_none(serve: Serve) -> None:
    async with serve(Recorder(ratio=0), mount=MOUNT) as server:
        await opened(server)
        shop.world.gate.set()
        await server.ask(QUERY)
    assert server.recorder.names == []
