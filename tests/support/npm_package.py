"""The npm package watchword-client, compiled once for all workers."""

from __future__ import annotations

import fcntl
import os
import subprocess
from pathlib import Path

from tests.support.documents import ROOT
from tests.support.node import installed

CLIENT = ROOT / "client"
DIST = CLIENT / "dist"


def compiled() -> Path:
    """Compile `client/` if its sources have changed; return the folder with the modules."""
    node = installed(CLIENT)
    with (CLIENT / "tsconfig.json").open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not _is_fresh():
            command = [node, CLIENT / "node_modules/typescript/bin/tsc"]
            done = subprocess.run(command, cwd=CLIENT, capture_output=True, text=True, check=False)
            assert done.returncode == 0, done.stdout + done.stderr
            (DIST / ".done").touch()
    return DIST


def run_npm(*arguments: str, cwd: Path) -> str:
    """Run npm, which must succeed; return what it printed."""
    node = installed(CLIENT)
    environment = {**os.environ, "PATH": f"{node.parent}{os.pathsep}{os.environ['PATH']}"}
    done = subprocess.run(
        [node.parent / "npm", "--loglevel=error", *arguments],
        cwd=cwd,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def _is_fresh() -> bool:
    mark = DIST / ".done"
    sources = [CLIENT / "tsconfig.json", CLIENT / "package-lock.json", *CLIENT.glob("src/*.ts")]
    newest = max(each.stat().st_mtime for each in sources)
    return mark.exists() and mark.stat().st_mtime >= newest
