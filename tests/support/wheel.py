"""The wheel of this checkout, built once for a run of the tests, and environments that have it."""

from __future__ import annotations

import fcntl
import shutil
import subprocess
import sys
import sysconfig
import venv
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.documents import ROOT

PIP = (sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet")
MADE = "made"
BUILD = (sys.executable, "-m", "build", "--no-isolation")


def run(*command: str | Path, cwd: Path = ROOT) -> str:
    """Run a command, and return what it printed. Fail with its output if it fails."""
    done = subprocess.run(
        command, cwd=cwd, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=900
    )
    assert done.returncode == 0, done.stdout
    return done.stdout


def once(factory: pytest.TempPathFactory, name: str, make: Callable[[Path], None]) -> Path:
    """Make a folder once for all workers of pytest-xdist: the first makes it, the others wait for it."""
    base = factory.getbasetemp()
    shared = base.parent if base.name.startswith("popen-") else base
    with (shared / f"{name}.lock").open("a+") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        lock.seek(0)
        if lock.read() != MADE:
            shutil.rmtree(shared / name, ignore_errors=True)
            make(shared / name)
            lock.write(MADE)
    return shared / name


def build(folder: Path) -> None:
    """Build a source distribution, and from it a wheel, into a folder."""
    run(*BUILD, "--outdir", folder, ROOT)


def install(wheel: Path) -> Callable[[Path], None]:
    """Return what makes an environment of the wheel; its dependencies are those of the tests."""

    def make(folder: Path) -> None:
        venv.create(folder, with_pip=False)
        python = folder / "bin/python"
        run(*PIP, "--python", python, "install", "--no-deps", wheel)
        (packages,) = folder.glob("lib/python*/site-packages")
        # No .pth file is read in a folder that a .pth file names, so this checkout is not importable.
        (packages / "dependencies.pth").write_text(sysconfig.get_path("purelib"))

    return make
