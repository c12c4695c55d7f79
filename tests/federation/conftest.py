"""The fixtures of a federated graph: Node.js with the routers, and a real server with the products."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.federation.routers import FOLDER, HIVE
from tests.support.documents import ROOT
from tests.support.node import installed
from tests.support.server import LiveServer, live_server


@pytest.fixture(scope="session")
def node() -> Path:
    return installed(FOLDER)


@pytest.fixture(scope="session")
def hive() -> Path:
    return installed(HIVE)


@pytest.fixture(scope="module")
def products(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    """The products' subgraph, served by Watchword."""
    mount = {"WATCHWORD_MOUNT": "tests.federation.products:schema", "PYTHONPATH": str(ROOT)}
    with live_server(tmp_path_factory.mktemp("home"), **mount) as server:
        yield server
