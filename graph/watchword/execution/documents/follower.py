"""Reads manifests of trusted documents again when they change, so that a front end is deployed without a restart."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path

from watchword.execution.documents.documents import Documents
from watchword.execution.documents.faults import log_faults
from watchword.execution.documents.manifest import manifests, read_manifests
from watchword.execution.documents.trusted import TrustedDocuments
from watchword.execution.plan import Planner
from watchword.process.background import Background
from watchword.process.clock import Clock

log = logging.getLogger("watchword.documents")

# Seconds between two looks at the files.
LOOK_SECONDS = 10.0

Stamp = tuple[tuple[Path, int, int, int], ...]
"""The paths of manifests, with what differs once a file was written or put in the place of another."""


class ManifestFollower:
    """Looks at the files of a manifest, or of a directory of them, and trusts what they list."""

    def __init__(self, path: Path, documents: Documents, planner: Planner, clock: Clock) -> None:
        self._path = path
        self._documents = documents
        self._planner = planner
        self._clock = clock
        # Without one, the first look reads the files: they may have changed since the start read them.
        self._seen: Stamp | None = None

    def open(self, background: Background) -> None:
        """Check the documents of the start, and look at the files, until the background is closed."""
        self._check(background)

        async def look() -> None:
            if await self.turn():
                self._check(background)

        background.every(LOOK_SECONDS, "the reading of trusted documents", look)

    async def turn(self) -> bool:
        """Trust what the files list, if that has changed; tell whether it has.

        Raises `Unsafe` for files that cannot be used, and `OSError`. Then the documents from before stay trusted, and the
        next call reads the files again.
        """
        read = await asyncio.to_thread(self._read)
        if read is None:
            return False
        self._seen, trusted = read
        known = self._documents.trusted
        if known is not None and known.entries == trusted.entries:
            return False
        self._documents.trust(trusted)
        log.info("the manifests have changed: %d documents are trusted", len(trusted))
        return True

    def _read(self) -> tuple[Stamp, TrustedDocuments] | None:
        # The stamp is older than what is read: a file that is written meanwhile is read again.
        stamp = tuple(_stamp(each) for each in manifests(self._path))
        if stamp == self._seen:
            return None
        return stamp, TrustedDocuments(read_manifests(self._path))

    def _check(self, background: Background) -> None:
        trusted = self._documents.trusted
        assert trusted is not None, "there is a manifest"
        checking = log_faults(self._planner, trusted.entries, self._clock)
        background.spawn("the check of trusted documents", checking)


def _stamp(path: Path) -> tuple[Path, int, int, int]:
    found = path.stat()
    return path, found.st_mtime_ns, found.st_size, found.st_ino
