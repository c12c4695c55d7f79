"""What no real server and no real clock does to watchword-client, by Node's own test runner."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from tests.clients.package.site import FOLDER

UNITS = sorted(FOLDER.glob("units/*.test.mjs"))


@pytest.mark.parametrize("unit", UNITS, ids=lambda path: path.name.split(".")[0])
def test_unit(unit: Path, node: Path, package: Path) -> None:
    done = subprocess.run(
        [node, "--test", "--test-force-exit", "--experimental-import-meta-resolve", unit],
        env={**os.environ, "PACKAGE": str(package)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "pass 0\n" not in done.stdout
