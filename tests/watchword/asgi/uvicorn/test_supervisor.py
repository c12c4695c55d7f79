"""uvicorn's supervisor still has the parts that ours extends. How workers behave: cli/test_workers.py."""

from __future__ import annotations

import inspect
import socket
from typing import Any

import pytest
from uvicorn.config import STARTUP_FAILURE
from uvicorn.supervisors.multiprocess import Multiprocess, Process

from watchword.asgi.uvicorn import supervisor


def test_uvicorns_supervisor_still_has_its_parts() -> None:
    assert list(inspect.signature(Multiprocess).parameters) == ["config", "sockets"]
    assert {"config", "sockets", "processes"} <= set(Multiprocess.__init__.__code__.co_names)
    assert callable(Multiprocess.terminate_all)
    assert isinstance(Process.exitcode, property)
    assert isinstance(STARTUP_FAILURE, int)


def test_the_socket_is_closed_before_the_workers_end(monkeypatch: pytest.MonkeyPatch) -> None:
    open_then: list[bool] = []

    def terminate(self: Any) -> None:
        open_then.extend(each.fileno() != -1 for each in self.sockets)

    monkeypatch.setattr(Multiprocess, "terminate_all", terminate)
    ours = supervisor._Supervisor.__new__(supervisor._Supervisor)
    ours.sockets = [socket.socket()]
    ours.terminate_all()
    assert open_then == [False]
