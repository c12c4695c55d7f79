"""Several server processes behind one socket, watched by uvicorn's own supervisor.

Each is a new Python that gets the settings as they were read, and makes its own app of them.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import socket
import threading
from multiprocessing.connection import wait

import uvicorn
from fastapi import FastAPI
from uvicorn.config import STARTUP_FAILURE
from uvicorn.supervisors.multiprocess import Multiprocess

from watchword.app import create_app
from watchword.config.settings import Settings
from watchword.domain import load
from watchword.process import log_setup

# Seconds in which a process must answer the supervisor. It cannot before it has imported everything.
ANSWER_SECONDS = 30


def make_app(settings: Settings) -> FastAPI:
    """Build the app of one worker, in that worker."""
    log_setup.set_up(settings.log_level)
    threading.Thread(target=_leave_with_parent, daemon=True).start()
    return create_app(settings, load(settings.mount))


def supervise(config: uvicorn.Config, listener: socket.socket) -> bool:
    """Keep `config.workers` processes running until a signal comes, and let them end in order.

    Returns False when they could not start.
    """
    supervisor = _Supervisor(config, [listener])
    supervisor.run()
    return all(process.exitcode != STARTUP_FAILURE for process in supervisor.processes)


class _Supervisor(Multiprocess):
    def terminate_all(self) -> None:
        # Else the workers that end leave connections waiting in it, for nobody.
        for listener in self.sockets:
            listener.close()
        super().terminate_all()


def _leave_with_parent() -> None:
    """End this worker, in order, when the supervisor was killed and cannot do it."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os.kill(os.getpid(), signal.SIGTERM)
