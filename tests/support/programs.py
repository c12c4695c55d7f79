"""Finds the programs that a test needs besides Python. A missing one skips the test, or fails it in CI."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path
from typing import NoReturn

import pytest


def missing(sentence: str) -> NoReturn:
    """Skip the test, or fail it in CI, with what to install."""
    if os.environ.get("CI"):
        pytest.fail(sentence, pytrace=False)
    pytest.skip(sentence)


def program(*names: str) -> Path | None:
    """Return the first of these programs, in the virtual environment or on the path."""
    folders = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}"
    found = (shutil.which(name, path=f"{folders}{os.pathsep}/usr/sbin") for name in names)
    return next((Path(path) for path in found if path), None)
