"""The scripts of the explorer are typed, against the sources of watchword-client, and each colour is said once."""

from __future__ import annotations

import re
from collections import Counter

from tests.support.documents import run
from tests.support.node import installed
from tests.support.npm_package import CLIENT
from watchword.explorer.assets import FOLDER

COLOUR = re.compile(r"#[0-9a-f]{3,8}\b")


def test_the_scripts_are_typed() -> None:
    node = installed(CLIENT)
    installed(FOLDER)
    run(node, CLIENT / "node_modules/typescript/bin/tsc", "--project", FOLDER)


def test_a_colour_is_said_once_for_light_and_once_for_dark() -> None:
    style = (FOLDER / "src/explorer.css").read_text()
    assert {*Counter(COLOUR.findall(style)).values()} == {1}
