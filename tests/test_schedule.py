"""The tests of one group run on one worker, which pytest-xdist alone does not see to."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.support.documents import ROOT

CONFTEST = """
from tests.support.schedule import Groups

def pytest_configure(config):
    config.pluginmanager.register(Groups())
"""
TESTS = """
import os
import pytest

@pytest.fixture(scope="module")
def place():
    return os.environ["PYTEST_XDIST_WORKER"]

@pytest.mark.parametrize("number", range(8))
def test_shared(place, number):
    with open("shared", "a") as file:
        print(place, file=file)

@pytest.mark.xdist_group("marked")
@pytest.mark.parametrize("number", range(8))
def test_marked(number):
    with open("marked", "a") as file:
        print(os.environ["PYTEST_XDIST_WORKER"], file=file)
"""


def test_the_tests_of_a_group_run_on_one_worker(tmp_path: Path) -> None:
    (tmp_path / "conftest.py").write_text(CONFTEST)
    (tmp_path / "test_them.py").write_text(TESTS)
    command = (sys.executable, "-m", "pytest", "-n", "2", "-q", "-p", "no:cacheprovider")
    done = subprocess.run(
        [*command, "-o", f"pythonpath={ROOT}", f"--rootdir={tmp_path}", "test_them.py"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert "16 passed" in done.stdout, done.stdout + done.stderr
    for group in ("shared", "marked"):
        assert len(set((tmp_path / group).read_text().split())) == 1
