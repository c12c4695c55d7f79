"""The worker processes of `watchword serve --workers`.

Each is a new Python process that gets the settings of the first process, and makes its own app from them.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from multiprocessing.connection import wait
from typing import TYPE_CHECKING

from watchword.config.settings import Settings
from watchword.process import json_logs, log_setup
from watchword.process.imports import without_collector

if TYPE_CHECKING:
    from fastapi import FastAPI

# Seconds in which a worker must answer the supervisor. It cannot answer before all imports are done.
ANSWER_SECONDS = 30


def make_app(settings: Settings, supervisor: str | None) -> FastAPI:
    """Build the app of one worker, in that worker. `supervisor` is where it reports its metrics."""
    log_setup.set_up(settings.log_level, json_logs.formatter(settings.log_format))
    threading.Thread(target=_exit_with_supervisor, daemon=True).start()
    with without_collector():
        from watchword.app import create_app
        from watchword.domain import load
    return create_app(settings, load(settings.mount), supervisor=supervisor)


def _exit_with_supervisor() -> None:
    """Shut this worker down when the supervisor is gone: if it was killed, it could not stop its workers."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os.kill(os.getpid(), signal.SIGTERM)
