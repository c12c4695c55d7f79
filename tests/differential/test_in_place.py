"""graphql-core's own tests of execution pass with compiled execution in place of its own.

They come from the source package of the version that is pinned, with its hash, and are kept beside the virtual
environment. `in_place.py` says what is left to graphql-core, and lists the tests that do not pass, with reasons.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tarfile
from importlib.metadata import version
from pathlib import Path

import pytest

from tests.support.documents import ROOT
from tests.support.programs import missing

LOCK = ROOT / "requirements/run.lock"
TESTS = ("tests/execution", "tests/test_star_wars_query.py", "tests/test_user_registry.py")
OPTIONS = "[pytest]\npython_classes = PyTest*\nasyncio_mode = strict\nasyncio_default_fixture_loop_scope = function\n"


def fetched() -> Path:
    """Return the unpacked source package, after fetching it if it is not there."""
    name = f"graphql_core-{version('graphql-core')}"
    folder = Path(sys.prefix) / "sources"
    if not (folder / name / "tests").exists():
        folder.mkdir(exist_ok=True)
        _fetch(folder)
        with tarfile.open(folder / f"{name}.tar.gz") as archive:
            archive.extractall(folder, filter="data")
    return folder / name


def _fetch(folder: Path) -> None:
    found = re.search(r"^graphql-core==.*?(?=^\S)", LOCK.read_text(), re.MULTILINE | re.DOTALL)
    assert found is not None
    wanted = folder / "graphql-core.txt"
    wanted.write_text(re.sub(r"\\?\n +#.*", "", found[0]))
    options = ("--no-deps", "--no-binary", "graphql-core", "--require-hashes")
    command = ["-m", "pip", "-q", "download", *options, "-d", str(folder), "-r", str(wanted)]
    done = subprocess.run([sys.executable, *command], capture_output=True, text=True, check=False)
    if done.returncode:
        missing(f"graphql-core's source package cannot be fetched: {done.stderr[-300:]}")


@pytest.mark.exhaustive
def test_graphql_core_s_own_tests_pass(tmp_path: Path) -> None:
    (tmp_path / "options.ini").write_text(OPTIONS)
    command = ["-m", "pytest", "-n", "0", "-q", "-p", "no:cacheprovider", "-p", "in_place"]
    command += ["-c", str(tmp_path / "options.ini"), "--rootdir", ".", *TESTS]
    done = subprocess.run(
        [sys.executable, *command],
        cwd=fetched(),
        env={"PYTHONPATH": str(Path(__file__).parent)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-5000:] + done.stderr[-2000:]
    [compiled] = re.findall(r"^executions: (\d+) compiled", done.stdout, re.MULTILINE)
    assert int(compiled) > 350, done.stdout[-1500:]
