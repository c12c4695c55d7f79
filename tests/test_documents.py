"""What the documents of tokens say to paste, pasted; and what they list, beside what there is."""

from __future__ import annotations

import ast
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest
from graphql import build_schema, parse, validate

from incident_room import schema
from tests.support.documents import CLIENTS, DOCUMENTS, ROOT, TOKENS, bash, block, blocks, run
from tests.support.node import installed
from tests.support.server import PASSWORD, LiveServer, issuing
from watchword import AuditAction, WatchwordError
from watchword.config.settings import Settings
from watchword.errors import Ending

# One server for all of them.
pytestmark = pytest.mark.xdist_group("documents")

STOCK = ROOT / "tests/clients"
GRAPHQL = [text for document in DOCUMENTS for text in blocks(document, "graphql")]
SERVED = build_schema(schema.as_str())
# What docker compose itself reads.
OF_COMPOSE = {"domain", "http_port", "https_port"}


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


# --- What is to paste ---


def test_what_clients_do_can_be_pasted_from_top_to_bottom(
    issuer: LiveServer, tmp_path: Path
) -> None:
    said = pasted("\n".join(blocks(CLIENTS, "sh")), issuer, tmp_path)
    assert '"name":"Administrator"' in said
    assert '"code":"TOKEN_REVOKED"' in said
    assert '"beginTotp":{"secret":' in said
    assert said.index('"active":true') < said.index('"active":false') < said.index('"access_token"')
    assert said.rstrip().splitlines()[-1].startswith("Client: client_")


def test_a_step_up_can_be_pasted(issuer: LiveServer, tmp_path: Path) -> None:
    text = "\n".join(text for text in blocks(TOKENS, "sh") if "curl" in text)
    text = text.replace('"PASSWORD"', json.dumps(PASSWORD))
    assert json.loads(pasted(text, issuer, tmp_path))["token_type"] == "Bearer"


COOKIES = """
const plain = fetch;
let jar = "";
globalThis.fetch = async (url, given) => {
  const answer = await plain(url, { ...given, headers: { ...given.headers, cookie: jar } });
  jar = answer.headers.getSetCookie()[0]?.split(";")[0] ?? jar;
  return answer;
};
"""
VISIT = """
const viewer = "{ viewer { name } }", said = [];
await signIn(EMAIL, PASSWORD);
said.push((await graphql(viewer)).data.viewer.name);
await Promise.all([refresh(), refresh(), stepUp(PASSWORD)]);
const { data } = await graphql("mutation { signOutEverywhere { id } }");
said.push(data.signOutEverywhere, (await graphql(viewer)).errors[0].extensions.code);
await signOut();
said.push(await freshToken(), "data" in (await graphql("{ __typename }")));
console.log(JSON.stringify(said));
"""


def test_a_front_end_signs_in_refreshes_asks_and_signs_out(issuer: LiveServer) -> None:
    module = block(CLIENTS, "js", "// session.js").replace(
        'SERVER = ""', f'SERVER = "{issuer.url}"'
    )
    # The code for passkeys needs a browser, which tests/clients has; here it is read, at least.
    passkeys = block(CLIENTS, "js", "export async function addPasskey")
    who = f"const EMAIL = {json.dumps(issuer.email)}, PASSWORD = {json.dumps(PASSWORD)};"
    said = run(*scripted(COOKIES + module + passkeys + who + VISIT))
    assert json.loads(said) == ["Administrator", [], "TOKEN_REVOKED", None, True]


def test_an_application_of_others_gets_its_tokens(issuer: LiveServer, tmp_path: Path) -> None:
    client = pasted(block(CLIENTS, "sh", "--public"), issuer, tmp_path).split()[-1]
    text = block(CLIENTS, "js", "// authorize.mjs").replace("argv.slice(2)", "argv.slice(1)")
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
    text = block(CLIENTS, "js", "npm install dpop\n")
    said = run(*scripted(text + steps), cwd=STOCK)
    assert said == 'DPoP {"data":{"viewer":{"name":"Administrator"}}}\n'
    text = block(CLIENTS, "python", "# bound.py")
    said = run(sys.executable, "-c", text, issuer.url, issuer.email, PASSWORD)
    assert "Administrator" in said


def test_another_service_verifies_what_we_sign(issuer: LiveServer) -> None:
    text = settled(block(CLIENTS, "python", "PyJWKClient"), issuer)
    example = ROOT / "tests/identity_provider/verify_elsewhere.py"
    assert text == settled(example.read_text(), issuer)
    assert run(sys.executable, "-c", text, given=token(issuer)).strip()


@pytest.mark.parametrize("text", GRAPHQL)
def test_a_document_fits_the_schema(text: str) -> None:
    assert validate(SERVED, parse(text)) == []


def test_the_trusted_issuers_are_those_that_are_tested() -> None:
    shown = json.loads(block(TOKENS, "json", "keycloak"))
    assert shown == json.loads((ROOT / "tests/watchword/trust/examples.json").read_text())


# --- What is listed ---


def rows(document: Path) -> str:
    """Return the first cells of all tables."""
    return "\n".join(re.findall(r"^\| ([^|]+) \|", document.read_text(), re.MULTILINE))


def kinds(error: type[WatchwordError]) -> Iterator[type[WatchwordError]]:
    yield error
    for kind in error.__subclasses__():
        yield from kinds(kind)


def refusals() -> Iterator[str]:
    """Return the errors that the routes answer with, as their code names them."""
    for path in (ROOT / "graph").rglob("*.py"):
        for call in ast.walk(ast.parse(path.read_text())):
            if isinstance(call, ast.Call) and getattr(call.func, "id", "") in (
                "Refusal",
                "OAuthError",
            ):
                named = [each.value for each in call.args if isinstance(each, ast.Constant)]
                yield from (each for each in named[:2] if isinstance(each, str) and " " not in each)


def test_every_error_is_in_the_tables() -> None:
    listed = set(re.findall(r"\w+", rows(CLIENTS)))
    codes = {kind.code for kind in kinds(WatchwordError)} | {ending.code for ending in Ending}
    assert codes | set(refusals()) <= listed


def test_every_audited_action_is_in_the_table() -> None:
    listed = [
        name for row in rows(TOKENS).splitlines() for name in re.findall(r"\b[A-Z_]{8,}\b", row)
    ]
    actions = [name for name in listed if not name.startswith("WATCHWORD_")]
    assert sorted(actions) == sorted(action.name for action in AuditAction)


def test_the_settings_are_listed_with_their_defaults() -> None:
    text = TOKENS.read_text().partition("## Settings")[2]
    for names, defaults in re.findall(r"^\| (`WATCHWORD_[^|]+) \| ([^|]+) \|", text, re.MULTILINE):
        for name, default in zip(names.split(", "), defaults.split(", "), strict=True):
            field = Settings.model_fields[name.strip("`").removeprefix("WATCHWORD_").lower()]
            said = default.split(" (")[0].strip("`")
            known = {"false": False, "[]": (), "the issuer's host": ""}.get(said, said)
            assert str(known) == str(field.default), name


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda document: document.name)
def test_every_setting_that_is_named_exists(document: Path) -> None:
    names = {name.lower() for name in re.findall(r"WATCHWORD_([A-Z_]*[A-Z])", document.read_text())}
    assert names - OF_COMPOSE <= set(Settings.model_fields)


def anchors(document: Path) -> set[str]:
    """Return the anchors of a document's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", document.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading).lower().replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda document: document.name)
def test_every_link_leads_somewhere(document: Path) -> None:
    for link in re.findall(r"\]\((?!https?:)([^)]+)\)", document.read_text()):
        path, _, anchor = link.partition("#")
        target = document.parent / path if path else document
        assert target.exists(), link
        assert not anchor or anchor in anchors(target), link
