"""Attack tools of others as subprocesses: what `requirements/attackers.lock` installs into a folder of its own.

They need other versions of libraries than the tests do, and a package named asyncio, which must not hide the standard library's.
"""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

from tests.support.programs import missing

FOLDER = Path(sys.prefix) / "attackers"
# The standard library comes first, then the folder, and nothing of the tests' environment.
_START = "import sys; sys.path.append(sys.argv.pop(1)); "
# Its buckets of 64 words are more than a server that tells 25 errors says anything of.
_CLAIRVOYANCE = """
from clairvoyance import cli, config
bucket, make = int(sys.argv.pop(1)), config.Config.__init__
def __init__(self):
    make(self)
    self._bucket_size = bucket
config.Config.__init__ = __init__
cli()
"""
_VAMP = "import vamp_graphql_audit; vamp_graphql_audit.main()"


async def clairvoyance(
    url: str, words: list[str], folder: Path, *options: str, bucket: int = 64
) -> dict[str, set[str]]:
    """Return the names of fields that Clairvoyance finds with these words, by their types.

    It sends `bucket` words at once.
    """
    asked, found = folder / "words.txt", folder / "schema.json"
    asked.write_text("\n".join(words))
    given = [str(bucket), "-w", str(asked), "-o", str(found), *options, url]
    status = await _run(_CLAIRVOYANCE, *given)
    assert status == 0, f"Clairvoyance has ended with {status}"
    types = json.loads(found.read_text())["data"]["__schema"]["types"]
    return {each["name"]: {field["name"] for field in each.get("fields") or ()} for each in types}


async def vamp(url: str, folder: Path, *options: str) -> list[dict[str, Any]]:
    """Return the findings of vamp-graphql-audit."""
    report = folder / "report.json"
    status = await _run(_VAMP, "--target", url, "--json", str(report), *options)
    assert status in (0, 1), f"vamp-graphql-audit has ended with {status}"
    findings: list[dict[str, Any]] = json.loads(report.read_text())["findings"]
    return findings


async def _run(script: str, *options: str) -> int:
    if not FOLDER.is_dir():
        missing(
            "The attack tools of requirements/attackers.lock are not installed: run `make test`."
        )
    made = await asyncio.create_subprocess_exec(
        *(sys.executable, "-I", "-S", "-c", _START + script, str(FOLDER), *options),
        stdout=asyncio.subprocess.DEVNULL,
        stderr=None,
    )
    return await made.wait()
