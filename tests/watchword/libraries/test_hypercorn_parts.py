"""A worker of hypercorn finds its event. With hypercorn itself: conformance/test_mounted_app.py."""

from __future__ import annotations

import inspect
import multiprocessing
from multiprocessing.queues import Queue

from hypercorn.asyncio.run import asyncio_worker, uvloop_worker

from watchword.libraries.hypercorn_parts import shutdown_event


def worker(told: Queue[bool | None], shutdown_event: object = None) -> None:
    """Run in a process that has the arguments of a worker of hypercorn."""
    from watchword.libraries import hypercorn_parts

    found = hypercorn_parts.shutdown_event()
    told.put(None if found is None else found.is_set())


def test_a_process_with_such_an_argument_finds_its_event_and_no_other_does() -> None:
    context = multiprocessing.get_context("spawn")
    told: Queue[bool | None] = context.Queue()
    event = context.Event()
    event.set()
    for argument, expected in ((event, True), ("another thing", None)):
        process = context.Process(target=worker, args=(told,), kwargs={"shutdown_event": argument})
        process.start()
        assert told.get(timeout=30) is expected
        process.join()


def test_here_there_is_none() -> None:
    assert shutdown_event() is None


def test_hypercorns_workers_still_have_that_argument() -> None:
    for each in (asyncio_worker, uvloop_worker):
        assert "shutdown_event" in inspect.signature(each).parameters
