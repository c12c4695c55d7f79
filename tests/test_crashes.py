"""The end of a run says why a worker crashed, which pytest-xdist alone does not."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.support.documents import ROOT

CONFTEST = """
from tests.support.crashes import Crashes

def pytest_configure(config):
    config.pluginmanager.register(Crashes())
"""
TESTS = """
import os
import signal
import threading

def wait_for_nothing():
    threading.Event().wait()

def test_that_hangs():
    wait_for_nothing()

def test_that_is_killed():
    os.kill(os.getpid(), signal.SIGKILL)
"""
OPTIONS = ("-n", "2", "-q", "-p", "no:cacheprovider", "-o", f"pythonpath={ROOT}")
TIMEOUT = ("-o", "faulthandler_timeout=1", "-o", "faulthandler_exit_on_timeout=true")


def test_a_crashed_worker_is_shown_with_its_exit_status_and_the_place_where_it_stood(
    tmp_path: Path,
) -> None:
    (tmp_path / "conftest.py").write_text(CONFTEST)
    (tmp_path / "test_them.py").write_text(TESTS)
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *OPTIONS, *TIMEOUT, f"--rootdir={tmp_path}"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert "2 failed" in done.stdout, done.stdout + done.stderr
    statuses = [part.split()[0] for part in done.stdout.split(" ended with exit status ")[1:]]
    assert sorted(statuses) == ["-9", "1"]
    assert "wait_for_nothing" in done.stdout
