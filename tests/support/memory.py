"""A directory in memory for what the tests write, so that no database of theirs waits for a disk."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

MEMORY = Path("/dev/shm")
# Bytes that must be free.
ROOM = 4 * 1024**3


def folder() -> Path | None:
    """Return a directory in memory if files there may be many and executable, else None for the usual one."""
    if not os.access(MEMORY, os.W_OK) or shutil.disk_usage(MEMORY).free < ROOM:
        return None
    return None if os.statvfs(MEMORY).f_flag & os.ST_NOEXEC else MEMORY
