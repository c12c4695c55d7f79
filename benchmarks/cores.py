"""Pins the measured server to one core, and the load generator to another."""

from __future__ import annotations

import os
import resource
import sys

CORES = sorted(os.sched_getaffinity(0))
SERVER, GENERATOR = CORES[0], CORES[-1]


def prepare() -> None:
    """Pin this process to the generator's core, and allow it as many sockets as it may have."""
    if SERVER == GENERATOR:
        print("There is one core: servers and load generator share it.", file=sys.stderr)
    os.sched_setaffinity(0, {GENERATOR})
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def pin_server() -> None:
    """Pin the calling process to the server's core; its children inherit that."""
    os.sched_setaffinity(0, {SERVER})
