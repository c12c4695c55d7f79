"""Runs parts of the suite on a copy of a checkout, and says what does not pass."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from xml.etree import ElementTree

from tests.differential.strawberry_suite.reasons import reason_for

HERE = Path(__file__).parent
VIEWS = ("tests/http", "tests/websockets")
# All that execute operations by a schema and by nothing else.
TYPES = (
    *("tests/schema", "tests/relay", "tests/experimental", "tests/types", "tests/fields"),
    *("tests/enums", "tests/objects", "tests/extensions", "tests/python_312"),
    *("tests/test_dataloaders.py", "tests/test_info.py"),
)
# What the copy's configuration of pytest needs of theirs.
CONFIGURATION = """\
[pytest]
asyncio_mode = auto
filterwarnings = ignore
markers =
    raises_strawberry_exception
"""
# It is added to the files that choose the view, after their own fixture of this name.
CHOICE = """

import {module}


@pytest.fixture
def http_client_class():
    return {module}.{name}
"""
# Watchword in the place of the views, and the view that Strawberry has for FastAPI.
OURS = "watchword_client.WatchwordClient"
THEIRS = "tests.http.clients.fastapi.FastAPIHttpClient"
CHOOSING = ("tests/http/conftest.py", "tests/websockets/conftest.py")
# Their own needs plugins for other tests. They import this from it, and an older name from Strawberry itself; the
# installed graphql-core is newer than 3.2.
SHARED = """
import pytest
import strawberry.utils

strawberry.utils.IS_GQL_32 = False


def skip_if_gql_32(reason):
    return pytest.mark.skipif(False, reason=reason)
"""
# A snapshot is the value in the text; the package of this name also writes it.
SNAPSHOT = "def snapshot(value=None):\n    return value\n"

Outcomes = dict[str, tuple[str, str]]
"""For each test, whether it passed, failed or was skipped, and the message if it did not pass."""


def prepare(checkout: Path, folder: Path, client: str = OURS) -> None:
    """Copy the tests of a checkout into a folder, and put a client into them."""
    shutil.copytree(checkout / "tests", folder / "tests")
    shutil.copy(HERE / "client.py", folder / "watchword_client.py")
    shutil.copy(HERE.parent / "in_place.py", folder / "in_place.py")
    (folder / "pytest.ini").write_text(CONFIGURATION)
    (folder / "tests/conftest.py").write_text(SHARED)
    (folder / "inline_snapshot.py").write_text(SNAPSHOT)
    for path in CHOOSING:
        with (folder / path).open("a") as file:
            module, _, name = client.rpartition(".")
            file.write(CHOICE.format(module=module, name=name))


def run(folder: Path, tests: Sequence[str], plugin: str | None) -> Outcomes:
    """Run tests in a prepared folder, with a plugin of pytest that lies there."""
    report = folder / "report.xml"
    command = [sys.executable, "-m", "pytest", "-q", f"--junitxml={report}", "--tb=line"]
    # Some of their tests need packages that are not installed here.
    command += ["-n", "0", "--continue-on-collection-errors", *(("-p", plugin) if plugin else ())]
    environment = {n: v for n, v in os.environ.items() if not n.startswith("WATCHWORD_")}
    path = os.pathsep.join([str(folder), *filter(None, [os.environ.get("PYTHONPATH")])])
    environment["PYTHONPATH"] = path
    subprocess.run([*command, *tests], cwd=folder, env=environment, check=False)
    return dict(outcomes(report))


def outcomes(report: Path) -> Iterator[tuple[str, tuple[str, str]]]:
    """Yield the name and the outcome of each test in a report."""
    for case in ElementTree.parse(report).iter("testcase"):
        module = str(case.get("classname")).removeprefix("tests.").replace(".", "/")
        yield f"{module}::{case.get('name')}", _outcome(case)


def _outcome(case: ElementTree.Element) -> tuple[str, str]:
    for kind, tag in (("failed", "failure"), ("failed", "error"), ("skipped", "skipped")):
        if (found := case.find(tag)) is not None:
            return kind, str(found.get("message"))
    return "passed", ""


def tell_views(found: Outcomes) -> int:
    """Print the figures for each file and each reason, and what has no reason. Return how many have none."""
    files: dict[str, Counter[str]] = {}
    reasons: Counter[str] = Counter()
    unknown: list[str] = []
    for name, (outcome, message) in found.items():
        files.setdefault(name.partition("::")[0], Counter())[outcome] += 1
        if outcome == "failed":
            reason = reason_for(name)
            reasons[reason or "no reason"] += 1
            if reason is None:
                unknown.append(f"{name}\n    {message.partition(chr(10))[0]}")
    for file, counts in sorted(files.items()):
        print(f"{file}: {counts['passed']} of {counts['passed'] + counts['failed']} pass")
    print(f"together: {sum(each['passed'] for each in files.values())} pass", end=", ")
    print(f"{sum(reasons.values())} do not:")
    for reason, count in reasons.most_common():
        print(f"  {count:3} {reason}")
    for each in unknown:
        print(f"without a reason: {each}")
    return len(unknown)


def tell_types(theirs: Outcomes, compiled: Outcomes) -> int:
    """Print which tests end otherwise with compiled execution; return how many."""
    other = [
        name for name in {**theirs, **compiled} if _kind(theirs, name) != _kind(compiled, name)
    ]
    counts = Counter(outcome for outcome, _ in compiled.values())
    print(f"{counts['passed']} pass, {counts['failed']} do not, {counts['skipped']} are skipped;")
    print(f"{len(other)} end otherwise than without compiled execution")
    for name in other:
        print(f"{name}: {_kind(theirs, name)}, and compiled {_kind(compiled, name)}")
    return len(other)


def _kind(found: Outcomes, name: str) -> str:
    return found.get(name, ("missing", ""))[0]


def main(what: str, checkout: str, *tests: str) -> int:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        prepare(Path(checkout), folder, THEIRS if what == "own" else OURS)
        if what in ("views", "own"):
            return tell_views(run(folder, tests or VIEWS, "watchword_client"))
        theirs = run(folder, tests or TYPES, None)
        return tell_types(theirs, run(folder, tests or TYPES, "in_place"))


if __name__ == "__main__":
    sys.exit(bool(main(*sys.argv[1:])))
