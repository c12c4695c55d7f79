"""The scripts of the pages are typed, against the sources of watchword-client, and the bundle is small."""

from __future__ import annotations

import gzip

import pytest

from incident_room.pages.assets import FOLDER, Assets
from tests.support.documents import run
from tests.support.node import installed
from tests.support.npm_package import CLIENT

# Bytes of the script of the public page, with all of the client that it uses, gzipped.
MOST = 11_000


def test_the_scripts_are_typed() -> None:
    node = installed(CLIENT)
    installed(FOLDER)
    run(node, CLIENT / "node_modules/typescript/bin/tsc", "--project", FOLDER)


def test_the_script_of_the_public_page_is_small() -> None:
    script = Assets().get("status.js")
    if script is None:
        pytest.skip("the scripts of the pages are not built: run `make pages`")
    assert len(gzip.compress(script.body)) < MOST
