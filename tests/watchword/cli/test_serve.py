"""`watchword serve` prepares everything, prints its addresses, and shuts down in order."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import stat
import subprocess
import sys
import threading
from base64 import urlsafe_b64decode
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import httpx2
import pytest

from tests.support.command_line import refused_start
from tests.support.programs import missing, program
from tests.support.server import PASSWORD, LiveServer
from watchword.cli.serve import _port_warning
from watchword.config.settings import Settings

WATCHWORD = str(Path(sys.executable).with_name("watchword"))
PATIENCE = 60
VIEWER = "{ viewer { email roles } incidents(first: 1) { totalCount } }"
UNCOVERED = """
import strawberry

@strawberry.type
class Query:
    @strawberry.field
    def greeting(self) -> str:
        return "hello"

schema = strawberry.Schema(Query)
"""


class Place:
    """The directories of a start: the current one, the user's home and Watchword's home."""

    def __init__(self, root: Path) -> None:
        self.current, self.user, self.home = (root / name for name in ("cwd", "user", "home"))
        self.current.mkdir()
        self.user.mkdir()
        self.environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(self.user),
            "PYTHONDONTWRITEBYTECODE": "1",
            "WATCHWORD_HOME": str(self.home),
        }

    def refused(self, *arguments: str, lines: int = 1, **environment: str) -> str:
        """Start a server that must fail, and return its error message, which has so many lines."""
        done = subprocess.run(
            [WATCHWORD, "serve", "--port", "0", *arguments],
            cwd=self.current,
            env=self.environment | environment,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
        )
        assert (done.returncode, done.stdout) == (1, "")
        assert done.stderr.startswith("Error: ")
        assert done.stderr.count("\n") == lines
        return done.stderr.removeprefix("Error: ").strip()

    @contextmanager
    def serving(self, *arguments: str) -> Iterator[Running]:
        """Run `watchword serve` until the block ends."""
        process = subprocess.Popen(
            [WATCHWORD, "serve", "--port", "0", *arguments],
            cwd=self.current,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        impatience = threading.Timer(PATIENCE, process.kill)
        impatience.start()
        try:
            yield Running(process)
        finally:
            impatience.cancel()
            process.kill()
            process.wait()
            if process.stdout is not None:
                process.stdout.close()


class Running:
    """A running server; `output` is its whole output."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        assert process.stdout is not None
        self._process, self._lines = process, process.stdout
        self.output = ""
        for line in self._lines:
            self.output += line
            if "Application startup complete" in line:
                return
        raise AssertionError(f"the server did not start:\n{self.output}")

    @property
    def shown(self) -> dict[str, str]:
        """Return the printed URLs by their labels."""
        return dict(re.findall(r"^  ([A-Z]\S*(?: in)?) +(\w+://\S+)", self.output, re.M))

    def ask(self, query: str, token: str) -> Any:
        headers = {"authorization": f"Bearer {token}"}
        answer = httpx2.post(self.shown["GraphQL"], json={"query": query}, headers=headers)
        return answer.json()["data"]

    def end(self, number: signal.Signals) -> int:
        """Send a signal, and return the exit code."""
        self._process.send_signal(number)
        self.output += self._lines.read()
        return self._process.wait(PATIENCE)


class Start(NamedTuple):
    """The output of one start, its answers, and its exit code."""

    output: str
    shown: dict[str, str]
    keys: Any
    metadata: Any
    page_data: str
    signed_in: Any
    viewer: Any
    people: dict[str, Any]
    code: int


def sign_in_line(output: str) -> str:
    [line] = re.findall(r"^  (curl .+)$", output, re.M)
    return str(line)


def bash(line: str, **environment: str) -> Any:
    """Run a printed command line in a shell, and return the JSON in its output."""
    if program("curl") is None:
        missing("There is no curl: run `apt-get install curl`.")
    done = subprocess.run(
        ["bash", "-c", line],
        env={"PATH": os.environ["PATH"], **environment},
        capture_output=True,
        check=True,
        timeout=PATIENCE,
    )
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Place:
    return Place(tmp_path_factory.mktemp("serve"))


@pytest.fixture(scope="module")
def first(place: Place) -> Start:
    """The first start in an empty directory, ended by SIGTERM."""
    with place.serving() as running:
        signed_in = bash(sign_in_line(running.output))
        return observed(running, signed_in, signed_in["access_token"], signal.SIGTERM)


@pytest.fixture(scope="module")
def second(place: Place, first: Start) -> Start:
    """The next start at the same place, queried with a token of the first one, ended by SIGINT."""
    with place.serving("--port", str(urlsplit(first.shown["GraphQL"]).port)) as running:
        return observed(
            running,
            bash(sign_in_line(first.output)),
            first.signed_in["access_token"],
            signal.SIGINT,
        )


def observed(running: Running, signed_in: Any, token: str, end: signal.Signals) -> Start:
    viewer = running.ask(VIEWER, token)
    keys = httpx2.get(running.shown["Keys"]).json()
    origin = running.shown["GraphQL"].removesuffix("/graphql")
    metadata = httpx2.get(f"{origin}/.well-known/oauth-authorization-server").json()
    page_data = httpx2.get(f"{origin}/api/v2/summary.json").text
    people = demo_people(running)
    code = running.end(end)
    return Start(
        running.output, running.shown, keys, metadata, page_data, signed_in, viewer, people, code
    )


def demo_people(running: Running) -> dict[str, Any]:
    """Sign in each demo person by the password that was printed, and return their roles."""
    roles = {}
    for email, password in re.findall(r"^  (\S+@demo\.example) +(\S+)$", running.output, re.M):
        person = {"email": email, "password": password}
        signed_in = httpx2.post(running.shown["Sign in"], json=person).json()
        roles[email] = running.ask(VIEWER, signed_in["access_token"])["viewer"]["roles"]
    return roles


def test_the_first_start_says_where_everything_is(first: Start) -> None:
    assert {label: re.sub(r":\d+/", "/", url) for label, url in first.shown.items()} == {
        "Status": "http://127.0.0.1/",
        "Room": "http://127.0.0.1/room",
        "GraphiQL": "http://127.0.0.1/graphql",
        "GraphQL": "http://127.0.0.1/graphql",
        "WebSocket": "ws://127.0.0.1/graphql",
        "Sign in": "http://127.0.0.1/api/auth/login",
        "Keys": "http://127.0.0.1/.well-known/jwks.json",
        "Health": "http://127.0.0.1/health/ready",
    }


def test_an_issuer_of_another_port_is_told(first: Start) -> None:
    other = _port_warning(Settings(issuer="http://localhost:8000", port=8123))
    assert other[-1].endswith("set WATCHWORD_ISSUER=http://localhost:8123")
    own = _port_warning(Settings(issuer="http://localhost:8123", port=8123))
    public = _port_warning(Settings(issuer="https://watch.example.com", port=8123))
    assert own == public == _port_warning(Settings(port=8123)) == []
    assert "WATCHWORD_ISSUER" not in first.output


def test_tokens_metadata_and_links_name_the_address_that_is_shown(first: Start) -> None:
    origin = first.shown["GraphQL"].removesuffix("/graphql")
    payload = first.signed_in["access_token"].split(".")[1]
    claims = json.loads(urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    assert claims["iss"] == first.metadata["issuer"] == origin
    assert first.metadata["token_endpoint"] == f"{origin}/oauth/token"
    assert f'"{origin}' in first.page_data


def test_the_generated_password_is_said_under_its_name_once(first: Start) -> None:
    [password] = re.findall(r"^  Password    (\S{24})  \(shown this once\)$", first.output, re.M)
    # Once as text, and once in the command to paste.
    assert first.output.count(password) == 2


def test_the_printed_line_signs_in(first: Start) -> None:
    assert first.signed_in["token_type"] == "Bearer"
    assert first.viewer["viewer"] == {"email": "admin@example.com", "roles": ["admin"]}


def test_each_demo_person_signs_in_by_the_password_that_is_shown_once(
    first: Start, second: Start
) -> None:
    roles = ("viewer", "responder", "commander")
    assert first.people == {f"{role}@demo.example": [role] for role in roles}
    assert second.people == {}
    assert "@demo.example " not in second.output


def test_the_first_start_has_something_to_look_at(first: Start) -> None:
    assert first.viewer["incidents"]["totalCount"] > 0


def test_the_second_start_says_where_everything_is_and_no_password(
    first: Start, second: Start
) -> None:
    assert set(second.shown) == set(first.shown)
    assert "assword" not in second.output
    assert "curl" not in second.output


def test_the_second_start_keeps_the_password(second: Start) -> None:
    assert second.signed_in["token_type"] == "Bearer"


def test_the_second_start_keeps_the_key(first: Start, second: Start) -> None:
    assert second.keys == first.keys


def test_a_token_from_before_a_restart_is_good_and_nothing_is_doubled(
    first: Start, second: Start
) -> None:
    assert second.viewer == first.viewer


def test_sigterm_ends_it_in_order(first: Start) -> None:
    assert first.code == 0
    assert "Application shutdown complete" in first.output
    assert "Traceback" not in first.output


def test_sigint_ends_it_in_order(second: Start) -> None:
    assert second.code == 0
    assert "Application shutdown complete" in second.output
    assert "Traceback" not in second.output


@pytest.mark.usefixtures("second")
def test_all_that_it_writes_is_in_its_home(place: Place) -> None:
    assert {path.name for path in place.home.iterdir()} == {
        "encryption.key",
        "lock",
        "watchword.db",
    }
    assert list(place.current.iterdir()) == []
    assert list(place.user.iterdir()) == []


@pytest.mark.usefixtures("second")
def test_its_home_is_its_owners_alone(place: Place) -> None:
    modes = {
        path.name: stat.S_IMODE(path.stat().st_mode) for path in (place.home, *place.home.iterdir())
    }
    files = ("encryption.key", "lock", "watchword.db")
    assert modes == {"home": 0o700} | dict.fromkeys(files, 0o600)


def test_a_chosen_password_is_not_printed_and_the_printed_line_signs_in_with_it(
    server: LiveServer,
) -> None:
    assert PASSWORD not in server.log
    answer = bash(sign_in_line(server.log), WATCHWORD_ADMIN_PASSWORD=PASSWORD)
    assert answer["token_type"] == "Bearer"


def test_a_shell_without_the_chosen_password_says_so_and_sends_nothing(server: LiveServer) -> None:
    environment = {"PATH": os.environ["PATH"]}
    done = subprocess.run(
        ["bash", "-c", sign_in_line(server.log)], env=environment, capture_output=True, text=True
    )
    assert (done.returncode != 0, done.stdout) == (True, "")
    assert "WATCHWORD_ADMIN_PASSWORD: is the password that you chose" in done.stderr


def test_a_schema_that_forgot_a_permission_is_not_served(tmp_path: Path) -> None:
    place = Place(tmp_path)
    (place.current / "uncovered.py").write_text(UNCOVERED)
    said = place.refused("--schema", "uncovered:schema", lines=5)
    assert said.startswith("Query.greeting: no permission is declared.")
    assert '"Query.greeting": [SignedIn],' in said.splitlines()[2]


def test_a_busy_port_is_named(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as busy:
        port = str(busy.getsockname()[1])
        said = refused_start(tmp_path / "home", "--port", port)
    assert said.startswith(f"127.0.0.1:{port} cannot be listened on: Address already in use")
    assert said.endswith(" Choose another with --host and --port.")


def test_an_unknown_schema_is_named(tmp_path: Path) -> None:
    said = refused_start(tmp_path / "home", "--schema", "nowhere:schema")
    assert said.startswith("There is no module 'nowhere' to load the schema 'nowhere:schema' from.")
    assert said.endswith(" name the folder in PYTHONPATH.")


def test_an_unsafe_setting_is_named_and_nothing_is_made(tmp_path: Path) -> None:
    said = refused_start(tmp_path / "home", WATCHWORD_ADMIN_PASSWORD="password1234")
    assert said.startswith("WATCHWORD_ADMIN_PASSWORD must have at least 12 characters")
    assert "password1234" not in said
    assert not (tmp_path / "home").exists()


def test_a_home_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.write_text("")
    said = refused_start(home)
    assert said.startswith(f"{home} cannot be written to: ")
    assert said.endswith("Set WATCHWORD_HOME to a directory that can.")


def test_a_database_that_cannot_be_reached_is_one_sentence_without_its_password(
    tmp_path: Path,
) -> None:
    url = "postgresql+asyncpg://watchword:hunter2@127.0.0.1:1/watchword"
    said = refused_start(tmp_path / "home", WATCHWORD_DATABASE_URL=url)
    assert "Connect call failed" in said
    assert "hunter2" not in said
