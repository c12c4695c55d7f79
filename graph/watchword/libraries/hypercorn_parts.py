"""How a worker process of hypercorn learns that it must stop: by an event that is an argument of the process, and no signal."""

from __future__ import annotations

import multiprocessing
from multiprocessing.synchronize import Event


def shutdown_event() -> Event | None:
    """Return the event that is set when this process must stop; None in all processes but hypercorn's workers."""
    arguments = getattr(multiprocessing.current_process(), "_kwargs", {})
    found = arguments.get("shutdown_event")
    return found if isinstance(found, Event) else None
