"""The archive that `npm pack` makes: its size, its types, and its use in a new Vite project, a plain page and Node.js 20."""

from __future__ import annotations

import asyncio
import gzip
import json
import re
import shutil
import subprocess
import sys
import tarfile
from functools import partial
from pathlib import Path

import pytest

from tests.clients.package.site import ADMIN, FOLDER, PASSWORD, PERSON, Site
from tests.clients.script import running
from tests.support.documents import ROOT, run
from tests.support.npm_package import CLIENT, STOCK, compiled, project, run_npm

# Bytes, gzipped: session and socket with all that they import, minified, in one file.
MOST = 8 * 1_024
README = CLIENT / "README.md"
# What is imported when it is first needed.
LATER = ["./repeat.js", "./sse.js"]
# The folder of Hermes' compiler, by the platform.
HERMES = {"linux": "linux64-bin", "darwin": "osx-bin"}
# What the adapters import.
LIBRARIES = {"@apollo/client", "@urql/core", "relay-runtime"}
VITE_PAGE = """<!doctype html><title>Ours</title><script type="module" src="/main.js"></script>"""


def bundle(folder: Path, entry: str, *options: str) -> dict[str, int]:
    """Bundle an entry of the package; return the size of each file that this makes, gzipped."""
    libraries = json.loads((CLIENT / "package.json").read_text())["peerDependencies"]
    command: list[str | Path] = [
        CLIENT / "node_modules/.bin/esbuild",
        compiled() / f"{entry}.js",
        "--bundle",
        "--minify",
        "--format=esm",
        f"--outdir={folder}",
        "--log-level=error",
        *(f"--external:{each}" for each in libraries),
        *options,
    ]
    subprocess.run(command, check=True)
    return {path.name: len(gzip.compress(path.read_bytes(), 9)) for path in folder.iterdir()}


def readme_sizes() -> dict[str, float]:
    """Return the kilobytes of each entry in the client's README."""
    rows = re.findall(
        r"^\| `watchword-client(\S*)` \| .* \| ([\d.]+) \|$", README.read_text(), re.M
    )
    return {name.removeprefix("/"): float(size) for name, size in rows}


def test_session_and_socket_are_under_eight_kilobytes(tmp_path: Path) -> None:
    [size] = bundle(tmp_path / "one", "index", *(f"--external:{each}" for each in LATER)).values()
    assert 1_000 < size < MOST
    # A bundler that puts what is loaded later into files of its own makes one more, for what both import.
    split = bundle(tmp_path / "split", "index", "--splitting")
    first = {name: size for name, size in split.items() if not name.startswith(("repeat", "sse"))}
    assert len(first) < len(split) == 4
    assert sum(first.values()) < MOST


@pytest.mark.parametrize("entry", readme_sizes())
def test_each_entry_has_the_size_that_the_readme_says(entry: str, tmp_path: Path) -> None:
    later = [f"--external:{each}" for each in LATER]
    [size] = bundle(tmp_path / "made", entry or "index", *later).values()
    assert abs(size / 1_024 - readme_sizes()[entry]) <= 0.1


def test_the_readme_has_the_size_of_every_entry_and_of_what_is_loaded_later(tmp_path: Path) -> None:
    entries = json.loads((CLIENT / "package.json").read_text())["exports"]
    assert {name.removeprefix(".").removeprefix("/") for name in entries} == {*readme_sizes()}
    said = re.findall(r"\(([\d.]+) KB\)", README.read_text())
    for name, size in zip(("repeat", "sse"), said, strict=True):
        [found] = bundle(tmp_path / name, name).values()
        assert abs(found / 1_024 - float(size)) <= 0.1


@pytest.mark.parametrize("entry", readme_sizes())
def test_hermes_compiles_each_entry_with_all_that_it_imports(
    entry: str, node: Path, tmp_path: Path
) -> None:
    """React Native's engine knows less of the language than browsers do."""
    bundle(tmp_path, entry or "index", "--format=iife", "--global-name=watchword")
    [script] = tmp_path.iterdir()
    compiler = STOCK / "hermes-compiler/hermesc" / HERMES[sys.platform] / "hermesc"
    run(compiler, "-O", "-w", "-emit-binary", "-out", tmp_path / "compiled", script)
    assert (tmp_path / "compiled").stat().st_size > 1_000


def test_the_archive_has_all_entries_and_nothing_else(packed: Path) -> None:
    described = json.loads((CLIENT / "package.json").read_text())
    with tarfile.open(packed) as archive:
        names = {each.name.removeprefix("package/") for each in archive.getmembers()}
    for entry in described["exports"].values():
        assert {each.removeprefix("./") for each in entry.values()} <= names
    assert {name.split("/")[0] for name in names} == {
        "dist",
        "src",
        "LICENSE",
        "README.md",
        "package.json",
    }
    assert "dependencies" not in described
    assert (CLIENT / "LICENSE").read_text() == (ROOT / "LICENSE").read_text()


def test_documents_of_real_generators_are_checked(front: Path, node: Path) -> None:
    options = ["--noEmit", "--strict", "--module", "nodenext", "--skipLibCheck"]
    libraries = ["--types", "", "--lib", "es2022,dom,dom.asynciterable"]
    compiler = CLIENT / "node_modules/typescript/bin/tsc"
    command: list[str | Path] = [node, compiler, *options, *libraries, "types.ts"]
    done = subprocess.run(command, cwd=front, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("made_by", ["vite", "hand"])
async def test_a_page_signs_in_and_follows(
    made_by: str, site: Site, node: Path, chromium: Path, packed: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "project"
    folder.mkdir()
    if made_by == "vite":
        (folder / "package.json").write_text('{"private": true, "type": "module"}')
        # It has no dependencies: npm asks no registry.
        await asyncio.to_thread(run_npm, "install", "--offline", str(packed), cwd=folder)
        script = (FOLDER / "page.html").read_text().partition('<script type="module">')[2]
        (folder / "main.js").write_text(script.partition("</script>")[0])
        (folder / "index.html").write_text(VITE_PAGE)
        shutil.copy(FOLDER / "commands.mjs", folder)
        vite: list[str | Path] = [
            node,
            STOCK / "vite/bin/vite.js",
            "build",
            "--base",
            "./",
            "--outDir",
            site.folder / "vite",
            "--logLevel",
            "error",
        ]
        done = await asyncio.to_thread(
            partial(subprocess.run, vite, cwd=folder, capture_output=True, text=True, check=False)
        )
        assert done.returncode == 0, done.stdout + done.stderr
    else:
        with tarfile.open(packed) as archive:
            archive.extractall(folder, filter="data")
        shutil.copytree(folder / "package/dist", site.folder / "hand/watchword-client")
        for name in ("page.html", "commands.mjs"):
            shutil.copy(FOLDER / name, site.folder / "hand")
    name = {"vite": "vite/index.html", "hand": "hand/page.html"}[made_by]
    options = {"url": site.url, "chromium": str(chromium), "profile": str(tmp_path / "profile")}
    async with running(node, "chromium_page.mjs", FOLDER, page=name, given={}, **options) as page:
        await page.wait("loaded")
        page.tell("signIn", email=PERSON, password=PASSWORD)
        await page.wait("signedIn")
        page.tell("follow", query="subscription { incidentsChanged { incident { name } } }")
        await page.wait("started")
        opened = await site.open()
        assert (await page.wait("next"))["data"]["incidentsChanged"]["incident"]["name"] == opened
    assert not [step for step in page.seen if step["step"] in ("complaint", "failed")]


@pytest.mark.parametrize("platform", ["ios", "android"])
async def test_metro_finds_each_entry_and_all_that_it_imports(
    platform: str, node: Path, packed: Path, tmp_path: Path
) -> None:
    project(tmp_path, packed)
    exports = json.loads((CLIENT / "package.json").read_text())["exports"]
    entries = {f"watchword-client{name[1:]}": each["default"] for name, each in exports.items()}
    options = {"folder": str(tmp_path), "entries": [*entries], "platform": platform}
    async with running(node, "metro.mjs", FOLDER, **options) as script:
        resolved = await script.wait("resolved")
    root = tmp_path / "node_modules/watchword-client"
    found = {Path(path): name for path, name in resolved["found"].items()}
    ours = {path.relative_to(root): name for path, name in found.items() if root in path.parents}
    assert {Path(file): name for name, file in entries.items()}.items() <= ours.items()
    # A module that is loaded when it is needed is there too.
    assert Path("dist/sse.js") in ours
    assert {name for path, name in found.items() if root not in path.parents} == LIBRARIES
    assert resolved["warnings"] == []


@pytest.mark.parametrize("platform", ["Node.js 20", "React Native"])
async def test_where_there_is_less_than_in_a_browser(
    platform: str, site: Site, node: Path, package: Path
) -> None:
    """React Native has neither document, location, locks nor channels, reads no answer as it comes, and has a global
    WebSocket; Node.js 20 has no WebSocket."""
    # A machine without it runs the same in a newer one, whose WebSocket is taken away.
    program = _node_20() if platform == "Node.js 20" else None
    options = {"url": site.url, "package": str(package), "given": {}, "without": platform}
    async with running(program or node, "node_page.mjs", FOLDER, **options) as page:
        await page.wait("loaded")
        page.tell("signIn", email=ADMIN, password=PASSWORD)
        await page.wait("signedIn")
        page.tell("follow", query="subscription { incidentsChanged { incident { name } } }")
        await page.wait("started")
        page.tell("refresh")
        await page.wait("renewed")
        opened = await site.open()
        assert (await page.wait("next"))["data"]["incidentsChanged"]["incident"]["name"] == opened
        page.tell("signOut")
        await page.wait("signedOut")


def _node_20() -> Path | None:
    for place in (None, "/usr/bin", "/usr/local/bin"):
        if found := shutil.which("node", path=place):
            version = subprocess.run(
                [found, "--version"], capture_output=True, text=True, check=True
            )
            if version.stdout.startswith("v20."):
                return Path(found)
    return None
