"""`pip install 'watchword[client]'` alone is enough for the documented clients in Python."""

from __future__ import annotations

import asyncio
import json
import re
import venv
from pathlib import Path

import pytest

from tests.clients.account import Account
from tests.clients.responder import Responder
from tests.support.documents import HOW_TO, ROOT, block
from tests.support.server import issuing
from tests.support.wheel import PIP, run

# One worker runs them, so that no other waits for the wheel.
pytestmark = pytest.mark.xdist_group("wheel")

# What the other extras and the tests install.
OTHERS = ("prometheus_client", "opentelemetry.sdk", "python_multipart", "pytest", "aiohttp")
FOUND = "import importlib.util as u, sys; print([n for n in sys.argv[1:] if u.find_spec(n.partition('.')[0]) and u.find_spec(n)])"


@pytest.fixture(scope="module")
def python(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The interpreter of a new environment with the wheel and its extra, in the versions that are locked."""
    folder = tmp_path_factory.mktemp("client")
    venv.create(folder / "made", with_pip=False)
    locked = (ROOT / "requirements/dev.lock").read_text()
    versions = re.findall(r"^([\w.-]+)(?:\[[\w,-]+\])?(==\S+)", locked, re.MULTILINE)
    (folder / "versions").write_text("\n".join(name + version for name, version in versions))
    made = folder / "made/bin/python"
    run(*PIP, "--python", made, "install", "-c", folder / "versions", f"{wheel}[client]")
    return made


@pytest.mark.exhaustive
async def test_the_documented_clients_run(python: Path, tmp_path: Path) -> None:
    assert run(python, "-c", FOUND, *OTHERS) == "[]\n"
    page, services = HOW_TO / "python.md", HOW_TO / "services.md"
    with issuing(tmp_path / "home") as server:
        grant = ("--grant", "client_credentials", "--scope", "incidents:read")
        made = server.run("clients", "add", "Bot", *grant, "--role", "responder").split()
        client, secret = made[made.index("Client:") + 1], made[made.index("Secret:") + 1]
        text = block(page, "python", "# viewer.py")
        command = (python, "-c", text, server.url, server.email, server.password)
        assert run(*command, cwd=tmp_path) == "{'viewer': {'name': 'Administrator'}}\n"
        text = block(services, "python", "# bot.py")
        said = run(python, "-c", text, server.url, client, secret, cwd=tmp_path)
        assert "'scopes': ['incidents:read']" in said
        process = await asyncio.create_subprocess_exec(
            *(python, "-c", block(page, "python", "# follow.py"), server.url, client, secret),
            cwd=tmp_path,
            stdout=asyncio.subprocess.PIPE,
        )
        assert process.stdout is not None
        account: Account = {"url": server.url, "email": server.email, "password": server.password}
        async with asyncio.timeout(60), Responder.signed_in(account) as responder:
            line = await responder.open_until(process.stdout.readline)
            assert responder.knows({"data": json.loads(line)})
        process.kill()
        await process.wait()
