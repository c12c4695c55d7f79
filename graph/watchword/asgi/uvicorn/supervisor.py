"""Runs uvicorn's worker processes, and stops them in order."""

from __future__ import annotations

import socket

import uvicorn
from uvicorn.config import STARTUP_FAILURE
from uvicorn.supervisors.multiprocess import Multiprocess


def supervise(config: uvicorn.Config, listener: socket.socket) -> bool:
    """Keep `config.workers` processes running until a signal comes, then end them in order.

    Returns False when a worker could not start.
    """
    supervisor = _Supervisor(config, [listener])
    supervisor.run()
    return all(process.exitcode != STARTUP_FAILURE for process in supervisor.processes)


class _Supervisor(Multiprocess):
    def terminate_all(self) -> None:
        # Close the sockets first: while this process holds them open, the kernel queues connections that no
        # worker accepts any more.
        for listener in self.sockets:
            listener.close()
        super().terminate_all()
