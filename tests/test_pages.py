"""The pages whose commands and programs are run as a reader would: each says what comes of them."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import httpx2
import pytest

from incident_room.pages.assets import Assets
from tests.support.documents import (
    FRONT_END,
    HOW_TO,
    PAGES,
    ROOT,
    bash,
    block,
    blocks,
    run,
)
from tests.support.node import installed
from tests.support.npm_package import compiled
from tests.support.programs import missing
from tests.support.server import PASSWORD, LiveServer, issuing, live_server

# One server for all of them.
pytestmark = pytest.mark.xdist_group("documents")

STOCK = ROOT / "tests/clients"


@pytest.fixture(scope="module")
def issuer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    """A server under its issuer's name, which wants its nonce in each proof."""
    with issuing(tmp_path_factory.mktemp("home"), WATCHWORD_DPOP_NONCE="true") as server:
        yield server


def settled(text: str, server: LiveServer) -> str:
    """An example, for a running server."""
    return text.replace("http://127.0.0.1:8000", server.url).replace("PASSWORD'", f"{PASSWORD}'")


def pasted(text: str, server: LiveServer, folder: Path) -> str:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return bash(settled(text, server), folder, **{**server.environment, "PATH": path})


def scripted(text: str, *arguments: str) -> list[str | Path]:
    """A command that runs an example in Node.js, with the stock clients beside it."""
    return [installed(STOCK), "--input-type=module", "-e", text, *arguments]


def token(server: LiveServer) -> str:
    body = {"email": server.email, "password": server.password}
    answer = httpx2.post(f"{server.url}/api/auth/login", json=body)
    return str(answer.json()["access_token"])


SAID = {
    "sessions": ['"name":"Administrator"', '"code":"TOKEN_REVOKED"'],
    "step-up": ['"beginTotp":{"secret":'],
    "services": ['"active":true', '"active":false'],
    "applications": ["Client: client_"],
    "native-apps": ['"device_token"', '"challenge"'],
}


@pytest.mark.parametrize("page", SAID)
def test_a_page_can_be_pasted_from_top_to_bottom(
    page: str, issuer: LiveServer, tmp_path: Path
) -> None:
    text = "\n".join(blocks(HOW_TO / "shell.md", "sh") + blocks(HOW_TO / f"{page}.md", "sh"))
    said = pasted(text, issuer, tmp_path)
    places = [said.index(each) for each in SAID[page]]
    assert places == sorted(places)


def test_every_page_that_needs_the_shell_is_pasted() -> None:
    needing = {page.stem for page in HOW_TO.glob("*.md") if "(shell.md)" in page.read_text()}
    assert needing == set(SAID)


def test_a_shell_function_is_the_same_wherever_it_is_defined() -> None:
    whole = re.compile(r"^((\w+)\(\) \{(?:.*\}|[^}]*\n(?:.*\n)*?\}))$", re.MULTILINE)
    defined: dict[str, str] = {}
    for page in PAGES:
        for body, name in whole.findall("\n".join(blocks(page, "sh"))):
            assert defined.setdefault(name, body) == body, f"{name} in {page}"
    assert {"member", "graphql", "ask"} <= set(defined)


AROUND = """
const email = EMAIL, password = PASSWORD, IncidentsChanged = "subscription { incidentsChanged(present: true) { kind } }";
const fetchAgain = () => {}, tell = console.error, said = [];
const show = (data) => {
  console.log(JSON.stringify([viewer, data.incidentsChanged.kind]));
  process.exit();
};
"""


def test_a_front_end_signs_in_asks_and_follows(issuer: LiveServer, tmp_path: Path) -> None:
    modules = tmp_path / "node_modules"
    modules.mkdir()
    (modules / "watchword-client").symlink_to(compiled().parent)
    first = block(FRONT_END, "js", "live.subscribe(IncidentsChanged)")
    text = first.replace("https://api.example.com", issuer.url)
    around = AROUND.replace("EMAIL", json.dumps(issuer.email)).replace(
        "PASSWORD", json.dumps(PASSWORD)
    )
    opened = {
        "query": 'mutation { openIncident(input: { name: "Trouble", body: "Here." }) { id } }'
    }
    headers = {"authorization": f"Bearer {token(issuer)}"}
    httpx2.post(f"{issuer.url}/graphql", json=opened, headers=headers)
    said = run(*scripted(around + text), cwd=tmp_path)
    assert json.loads(said) == [{"name": "Administrator"}, "PRESENT"]


def test_every_export_of_the_package_that_a_page_imports_exists() -> None:
    imported = re.compile(r"import \{ ([^}]+) \} from \"watchword-client(?:/([\w-]+))?\"")
    found = {
        (module or "index", name.strip())
        for page in PAGES
        for names, module in imported.findall("\n".join(blocks(page, "js") + blocks(page, "html")))
        for name in names.split(",")
    }
    assert ("relay", "relayEnvironments") in found
    for module, name in found:
        declared = (compiled() / f"{module}.d.ts").read_text()
        assert re.search(rf"\b{name}\b", declared), f"{module}: {name}"


def test_an_application_of_others_gets_its_tokens(issuer: LiveServer, tmp_path: Path) -> None:
    page = HOW_TO / "applications.md"
    client = pasted(block(page, "sh", "--public"), issuer, tmp_path).split()[-1]
    text = block(page, "js", "// authorize.mjs").replace("argv.slice(2)", "argv.slice(1)")
    command = scripted(text, issuer.url, client)
    pipe = subprocess.PIPE
    with subprocess.Popen(command, cwd=STOCK, stdin=pipe, stdout=pipe, text=True) as application:
        assert application.stdout is not None
        asked = dict(httpx2.URL(application.stdout.readline().strip()).params)
        headers = {"authorization": f"Bearer {token(issuer)}"}
        decided = httpx2.post(
            f"{issuer.url}/oauth/authorize", json={**asked, "decision": "allow"}, headers=headers
        )
        answer, _ = application.communicate(decided.json()["redirect_to"] + "\n", timeout=60)
    assert "refresh_token: '" in answer
    assert "scope: 'incidents:read'" in answer


def test_bound_tokens_are_used_from_a_browser_and_from_python(issuer: LiveServer) -> None:
    login = {"email": issuer.email, "password": PASSWORD, "delivery": "body"}
    steps = f"""
      const made = await post("{issuer.url}/api/auth/login", {json.dumps(login)});
      const {{ access_token, token_type }} = await made.json();
      const body = {{ query: "{{ viewer {{ name }} }}" }};
      const answer = await post("{issuer.url}/graphql", body, access_token);
      console.log(token_type, JSON.stringify(await answer.json()));
    """
    text = block(HOW_TO / "dpop.md", "js", "npm install dpop\n")
    said = run(*scripted(text + steps), cwd=STOCK)
    assert said == 'DPoP {"data":{"viewer":{"name":"Administrator"}}}\n'
    text = block(HOW_TO / "dpop.md", "python", "# bound.py")
    said = run(sys.executable, "-c", text, issuer.url, issuer.email, PASSWORD)
    assert "Administrator" in said


def test_a_person_and_a_service_use_the_client_for_python(
    issuer: LiveServer, tmp_path: Path
) -> None:
    page = HOW_TO / "python.md"
    text = block(page, "python", "# viewer.py")
    said = run(sys.executable, "-c", text, issuer.url, issuer.email, PASSWORD)
    assert said == "{'viewer': {'name': 'Administrator'}}\n"
    shell = blocks(HOW_TO / "shell.md", "sh") + blocks(HOW_TO / "services.md", "sh")
    names = 'echo "NAMES $CLIENT $SECRET $SIGNER"'
    printed = pasted("\n".join([*shell, names]), issuer, tmp_path)
    client, secret, signer = printed.rpartition("NAMES ")[2].split()
    for name, arguments in (("bot", (client, secret)), ("keyed", (signer,))):
        text = block(HOW_TO / "services.md", "python", f"# {name}.py")
        said = run(sys.executable, "-c", text, issuer.url, *arguments, cwd=tmp_path)
        assert "'scopes': ['incidents:read']" in said, name


def test_a_mirror_begins_with_the_present_state(issuer: LiveServer) -> None:
    opened = {"query": 'mutation { openIncident(input: { name: "Seen", body: "x" }) { id } }'}
    headers = {"authorization": f"Bearer {token(issuer)}"}
    assert "errors" not in httpx2.post(f"{issuer.url}/graphql", json=opened, headers=headers).json()
    text = block(HOW_TO / "python.md", "python", "# mirror.py")
    command = [sys.executable, "-c", text, issuer.url]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as mirror:
        assert mirror.stdout is not None
        lines = iter(mirror.stdout.readline, "")
        assert any(line.endswith("Seen\n") for line in lines)
        mirror.kill()


def test_a_schema_with_accounts_and_clients_is_served_with_the_commands(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = HOW_TO / "mount-a-schema.md"
    numbered = textwrap.indent(block(page, "python", "numbered_orders"), "    ")
    shop = block(page, "python", "# shop.py")
    (tmp_path / "shop.py").write_text(
        shop.replace("class Subscription:\n", f"class Subscription:\n{numbered}\n")
    )
    monkeypatch.syspath_prepend(tmp_path)
    with live_server(tmp_path, WATCHWORD_MOUNT="shop:schema", PYTHONPATH=str(tmp_path)) as server:
        printed = server.run("schema", "print")
        assert "placeOrder(item: String!): String" in printed
        (tmp_path / "schema.graphql").write_text(printed)
        server.run("schema", "check")
        server.run("accounts", "add", "clerk@example.com", "--role", "clerk")
        grant = ("--grant", "client_credentials", "--scope", "orders:write")
        server.run("clients", "add", "Till", *grant)
        asked = {"query": "{ viewer { id } sessions { id } clients { nodes { name } } }"}
        headers = {"authorization": f"Bearer {token(server)}"}
        answer = httpx2.post(f"{server.url}/graphql", json=asked, headers=headers).json()
        assert answer.get("errors") is None
        viewer = answer["data"]["viewer"]["id"]
        given = f'mutation {{ setRoles(account: "{viewer}", roles: ["admin", "clerk"]) }}'
        changed = httpx2.post(f"{server.url}/graphql", json={"query": given}, headers=headers)
        heard = numbers_that_two_subscribers_get(server)
    assert len(answer["data"]["sessions"]) == 1
    assert answer["data"]["clients"]["nodes"] == [{"name": "Till"}]
    assert changed.json()["data"] == {"setRoles": ["admin", "clerk"]}
    assert heard == [f"{viewer}, {number}: tea" for number in (1, 1, 2, 2, 3, 3)]


def test_a_schema_with_shared_answers_keeps_them_until_its_rows_change(tmp_path: Path) -> None:
    page = HOW_TO / "share-answers.md"
    migrations = tmp_path / "menu_migrations"
    migrations.mkdir()
    (migrations / "__init__.py").touch()
    (migrations / "0001_dishes.py").write_text(block(page, "python", "0001_dishes"))
    (tmp_path / "menu.py").write_text(block(page, "python", "# menu.py"))
    path = f"{tmp_path}{os.pathsep}{ROOT}"
    with live_server(tmp_path, WATCHWORD_MOUNT="menu:schema", PYTHONPATH=path) as server:
        url, headers = f"{server.url}/graphql", {"authorization": f"Bearer {token(server)}"}
        dishes = {"query": "{ dishes { name isLong } isLunch }"}
        seen = [httpx2.get(url, params=dishes) for _ in range(3)]
        add = {"query": 'mutation { addDish(name: "Soup") { id } }'}
        added = httpx2.post(url, json=add, headers=headers).json()
        asked = json.loads(block(page, "json", "THE CURSOR"))
        asked["extensions"]["after"] = added["extensions"]["cursors"]["dishes"]
        after = httpx2.post(url, json=asked).json()
        same = {"if-none-match": seen[0].headers["etag"]}
        again = httpx2.get(url, params=dishes, headers=same)
    assert {answer.headers["cache-control"] for answer in seen} == {"public, no-cache"}
    assert len({answer.headers["etag"] for answer in seen}) == 1
    assert after == {"data": {"dishes": [{"name": "Soup"}]}}
    assert again.json()["data"]["dishes"] == [{"name": "Soup", "isLong": False}]


def test_a_manifest_is_checked_and_then_its_ids_are_all_that_is_taken(tmp_path: Path) -> None:
    [manifest, ask, add, _] = blocks(HOW_TO / "trusted-documents.md", "sh")
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    assert "All 1 trusted documents can be run" in bash(manifest, tmp_path, PATH=path)
    settings = {
        "WATCHWORD_DOCUMENTS": str(tmp_path / "documents"),
        "WATCHWORD_DOCUMENTS_ONLY": "true",
    }
    with live_server(tmp_path / "home", **settings) as server:
        assert '{"data":{"components":[' in pasted(ask, server, tmp_path)
        asked = {"query": "{ viewer { id } }"}
        refused = httpx2.post(f"{server.url}/graphql", json=asked).json()
        headers = {"authorization": f"Bearer {token(server)}"}
        free = httpx2.post(f"{server.url}/graphql", json=asked, headers=headers).json()
        assert "Client: client_" in pasted(add, server, tmp_path)
    assert refused["errors"][0]["extensions"] == {"code": "DOCUMENT_NOT_TRUSTED"}
    assert free["data"]["viewer"]["id"]


def test_the_manifest_of_the_pages_is_put_beside_others(tmp_path: Path) -> None:
    if Assets().get("room.js") is None:
        missing("The room is not built: run `make pages`.")
    [manifest, *_, copy] = blocks(HOW_TO / "trusted-documents.md", "sh")
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    bash(manifest, tmp_path, PATH=path)
    said = bash(f"{copy}\nwatchword documents check documents", tmp_path, PATH=path)
    [number] = re.findall(r"All (\d+) trusted documents can be run", said)
    assert int(number) > 50


def numbers_that_two_subscribers_get(server: LiveServer) -> list[str]:
    """Two streams of one person, which could share an execution, while the shop's command runs."""
    headers = {"authorization": f"Bearer {token(server)}", "accept": "text/event-stream"}
    asked = {"query": "subscription { numberedOrders }"}
    heard = []
    with ExitStack() as streams:
        opened = [
            streams.enter_context(
                httpx2.stream("POST", f"{server.url}/graphql", json=asked, headers=headers)
            ).iter_lines()
            for _ in range(2)
        ]
        for _ in range(3):
            server.run("recall", "tea")
            for lines in opened:
                data = next(line for line in lines if line.startswith("data: {"))
                heard.append(json.loads(data.removeprefix("data: "))["data"]["numberedOrders"])
    return heard
