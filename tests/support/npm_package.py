"""The npm package watchword-client, compiled once for all workers."""

from __future__ import annotations

import fcntl
import os
import subprocess
import tarfile
from pathlib import Path

from tests.support.documents import ROOT
from tests.support.node import installed

CLIENT = ROOT / "client"
DIST = CLIENT / "dist"
STOCK = ROOT / "tests/clients/node_modules"


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


def pack(folder: Path) -> Path:
    """Make the archive that would be published; return its path."""
    run_npm("pack", "--ignore-scripts", "--pack-destination", str(folder), cwd=CLIENT)
    [archive] = folder.glob("*.tgz")
    return archive


def bundled(*modules: str) -> str:
    """Return modules of the package as one script, which defines `watchword`."""
    compiled()
    entry = "".join(f'export * from "./{each}.js";' for each in modules)
    command: list[str | Path] = [
        CLIENT / "node_modules/.bin/esbuild",
        "--bundle",
        "--format=iife",
        "--global-name=watchword",
    ]
    done = subprocess.run(
        command, cwd=DIST, input=entry, capture_output=True, text=True, check=True
    )
    # A page that evaluates the text keeps what it declares to itself.
    return f"{done.stdout}\nglobalThis.watchword = watchword;"


def project(folder: Path, archive: Path) -> None:
    """Make a folder with the package as it is published, and the stock clients beside it."""
    modules = folder / "node_modules"
    modules.mkdir()
    (folder / "package.json").write_text('{"type": "module"}')
    for each in STOCK.iterdir():
        if not each.name.startswith("."):
            (modules / each.name).symlink_to(each)
    with tarfile.open(archive) as packed:
        packed.extractall(modules, filter="data")
    (modules / "package").rename(modules / "watchword-client")


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
