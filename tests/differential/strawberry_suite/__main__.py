"""Runs the suite on a copy of a checkout, and says which tests do not pass, each with the reason that is known for it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

from tests.differential.strawberry_suite.reasons import reason_for

HERE = Path(__file__).parent
# What the copy's configuration of pytest needs of theirs.
CONFIGURATION = """\
[pytest]
asyncio_mode = auto
addopts = --import-mode=importlib -p watchword_client
filterwarnings = ignore
"""
# It is added to the files that choose the view, after their own fixture of this name.
CHOICE = """

import watchword_client


@pytest.fixture
def http_client_class():
    return watchword_client.WatchwordClient
"""
CHOOSING = ("tests/http/conftest.py", "tests/websockets/conftest.py")
# Their own needs plugins for other tests. They import this from it; the installed graphql-core is newer than 3.2.
SHARED = """
import pytest


def skip_if_gql_32(reason):
    return pytest.mark.skipif(False, reason=reason)
"""

# A snapshot is the value in the text; the package of this name also writes it.
SNAPSHOT = "def snapshot(value):\n    return value\n"


def prepare(checkout: Path, folder: Path) -> None:
    """Copy the tests of a checkout into a folder, and put Watchword's client into them."""
    shutil.copytree(checkout / "tests", folder / "tests")
    shutil.copy(HERE / "client.py", folder / "watchword_client.py")
    (folder / "pytest.ini").write_text(CONFIGURATION)
    (folder / "tests/conftest.py").write_text(SHARED)
    (folder / "inline_snapshot.py").write_text(SNAPSHOT)
    for path in CHOOSING:
        with (folder / path).open("a") as file:
            file.write(CHOICE)


def run(folder: Path, options: list[str]) -> Path:
    """Run pytest, and return its report."""
    report = folder / "report.xml"
    command = (sys.executable, "-m", "pytest", "-q", f"--junitxml={report}", "--tb=line")
    environment = {n: v for n, v in os.environ.items() if not n.startswith("WATCHWORD_")}
    path = os.pathsep.join([str(folder), *filter(None, [os.environ.get("PYTHONPATH")])])
    subprocess.run(
        [*command, *(options or ["tests/http", "tests/websockets"])],
        cwd=folder,
        env={**environment, "PYTHONPATH": path},
        check=False,
    )
    return report


def outcomes(report: Path) -> Iterator[tuple[str, str, str]]:
    """Yield the name of each test, whether it passed, and the message if it did not."""
    for case in ElementTree.parse(report).iter("testcase"):
        module = str(case.get("classname")).removeprefix("tests.")
        name = f"{module.replace('.', '/')}::{case.get('name')}"
        failed = case.find("failure") if case.find("failure") is not None else case.find("error")
        if case.find("skipped") is not None:
            yield name, "skipped", str(case.find("skipped").get("message"))  # type: ignore[union-attr]
        else:
            yield (
                name,
                "passed" if failed is None else "failed",
                "" if failed is None else str(failed.get("message")),
            )


def tell(report: Path) -> int:
    """Print the figures for each file and each reason, and what has no reason. Return how many have none."""
    files: dict[str, Counter[str]] = {}
    reasons: Counter[str] = Counter()
    unknown: list[str] = []
    for name, outcome, message in outcomes(report):
        files.setdefault(name.partition("::")[0], Counter())[outcome] += 1
        if outcome == "failed":
            reason = reason_for(name)
            reasons[reason or "no reason"] += 1
            if reason is None:
                unknown.append(f"{name}\n    {message.splitlines()[0] if message else ''}")
    for file, counts in sorted(files.items()):
        print(f"{file}: {counts['passed']} of {counts['passed'] + counts['failed']} pass")
    print(f"together: {sum(each['passed'] for each in files.values())} pass", end=", ")
    print(f"{sum(reasons.values())} do not:")
    for reason, count in reasons.most_common():
        print(f"  {count:3} {reason}")
    for each in unknown:
        print(f"without a reason: {each}")
    return len(unknown)


def main(checkout: str, *options: str) -> int:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        prepare(Path(checkout), folder)
        return tell(run(folder, list(options)))


if __name__ == "__main__":
    sys.exit(bool(main(*sys.argv[1:])))
