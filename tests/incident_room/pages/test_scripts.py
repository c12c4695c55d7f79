"""The scripts of the pages are typed, against the sources of watchword-client, and the bundle is small."""

from __future__ import annotations

import gzip
import re

from incident_room.pages.assets import FOLDER, Assets
from tests.support.documents import run
from tests.support.node import installed
from tests.support.npm_package import CLIENT
from tests.support.programs import missing

# Bytes of the script of the public page, with all of the client that it uses, gzipped.
MOST = 11_200
# A list of at least this many entries claims to be whole.
WHOLE = 50
OPERATION = re.compile(r"[`\"](?:query|mutation|subscription)\b[^`\"]*\{")
IMPORTED = re.compile(r"""(?:from|import)\s*\(?\s*["']([^."'][^"']*)["']""")
NETWORK = re.compile(
    r"(?<![\w.#])(?:fetch|WebSocket|EventSource|XMLHttpRequest|WebTransport|sendBeacon)\b *\("
)
LIST = re.compile(r"first: (\d+)[^)]*\) ?\{(?=([^`\"]*))")


def test_the_scripts_are_typed() -> None:
    node = installed(CLIENT)
    installed(FOLDER)
    run(node, CLIENT / "node_modules/typescript/bin/tsc", "--project", FOLDER)


def test_the_script_of_the_public_page_is_small() -> None:
    script = Assets().get("status.js")
    if script is None:
        missing("The scripts of the pages are not built: run `make pages`.")
    assert len(gzip.compress(script.body)) < MOST


def test_the_pages_reach_the_network_by_the_client_and_nothing_else() -> None:
    sources = {path: path.read_text() for path in (FOLDER / "src").rglob("*.ts*")}
    imported = {name for text in sources.values() for name in IMPORTED.findall(text)}
    assert imported == {
        "preact",
        "preact/hooks",
        "qrcode-generator",
        "watchword-client",
        "watchword-client/dpop",
        "watchword-client/passkeys",
    }
    # The public page fetches its own HTML again, as the server makes it.
    assert {path.name for path, text in sources.items() if NETWORK.search(text)} == {"page.ts"}
    assert len(NETWORK.findall((FOLDER / "src/status/page.ts").read_text())) == 1


def test_no_list_of_the_room_ends_without_a_way_to_the_rest() -> None:
    found = [
        (path.name, asked)
        for path in sorted((FOLDER / "src/room").rglob("*.ts*"))
        for number, asked in LIST.findall(path.read_text())
        if int(number) >= WHOLE
    ]
    assert len(found) >= 7
    for name, asked in found:
        # The page's end is asked for, in full or by the constant that the documents share.
        assert "endCursor" in asked or "${PAGE}" in asked, (name, asked)


def test_all_documents_are_in_the_modules_of_which_the_manifest_is_made() -> None:
    sources = {path: path.read_text() for path in (FOLDER / "src").rglob("*.ts*")}
    found = {path for path, text in sources.items() if OPERATION.search(text)}
    assert {path.name for path in found} == {"documents.ts"}
    collected = (FOLDER / "src/documents.ts").read_text()
    named = {FOLDER / "src" / f"{name}.ts" for name in re.findall(r'"\./([\w/]+)"', collected)}
    assert found == named
