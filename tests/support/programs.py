"""The programs that a test needs beside Python: what is missing skips it aloud, and in CI fails it."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path
from typing import NoReturn

import pytest


def missing(sentence: str) -> NoReturn:
    """End the test with a sentence that says what to install."""
    if os.environ.get("CI"):
        pytest.fail(sentence, pytrace=False)
    pytest.skip(sentence)


def program(*names: str) -> Path | None:
    """Return the first of these programs, in the virtual environment or on the path."""
    folders = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}"
    found = (shutil.which(name, path=f"{folders}{os.pathsep}/usr/sbin") for name in names)
    return next((Path(path) for path in found if path), None)
