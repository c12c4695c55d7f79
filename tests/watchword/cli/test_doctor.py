"""`watchword doctor` finds what is wrong, and says what to do about it."""

from __future__ import annotations

import asyncio
import shutil
import sqlite3
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from sqlalchemy.engine import make_url

import incident_room
from tests.support.redis import live_redis
from tests.support.vault import ENCRYPTION_KEY
from watchword.bootstrap import bootstrap
from watchword.cli.commands import cli
from watchword.cli.doctor import CHECKS
from watchword.config.settings import Settings
from watchword.domain import Mount, load
from watchword.explorer.assets import BUILT, FILES, WORKERS
from watchword.explorer.assets import load as load_assets
from watchword.process.clock import SystemClock
from watchword.storage.vault import FILE

SECRET = "hunter2-hunter2"


def start(home: Path, database_url: str = "") -> None:
    """Prepare a home directory as the first start of the server does."""
    read = Settings(_env_file=None, home=home, database_url=database_url)
    asyncio.run(bootstrap(read, load(read.mount), SystemClock()))


@pytest.fixture(scope="module")
def started(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home directory after the first start, to be copied."""
    home = tmp_path_factory.mktemp("started") / "home"
    start(home)
    return home


@pytest.fixture
def home(started: Path, tmp_path: Path) -> Path:
    """A copy of that home directory for one test."""
    return shutil.copytree(started, tmp_path / "home")


@pytest.fixture(autouse=True)
def assets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the explorer's assets, even if they are not built here."""
    folder = tmp_path / "explorer"
    (folder / BUILT).mkdir(parents=True)
    for name in (*FILES, *WORKERS):
        (folder / BUILT / name).write_text("built")
    monkeypatch.setattr("watchword.cli.doctor.load_assets", partial(load_assets, folder))
    return folder


def doctor(home: Path, **environment: str) -> Result:
    runner = CliRunner(env={"WATCHWORD_HOME": str(home), **environment}, catch_exceptions=False)
    return runner.invoke(cli, ["doctor"])


def lines(result: Result) -> dict[str, tuple[str, str]]:
    """Return verdict and explanation of each check; every check prints one line."""
    split = (line.split(maxsplit=2) for line in result.stdout.splitlines())
    found = {name: (verdict, said) for verdict, name, said in split}
    assert list(found) == ["settings", *CHECKS]
    return found


def healthy(result: Result) -> dict[str, str]:
    """Return the explanations; every check must pass."""
    found = lines(result)
    assert {verdict for verdict, _ in found.values()} == {"ok"}, result.output
    assert (result.exit_code, result.stderr) == (0, "")
    return {name: said for name, (_, said) in found.items()}


def problems(result: Result) -> dict[str, str]:
    """Return the problems; there must be one."""
    found = {name: said for name, (verdict, said) in lines(result).items() if verdict == "problem"}
    number = len(found)
    assert result.exit_code == 1
    assert result.stderr == f"Error: {number} of {len(CHECKS) + 1} checks found something.\n"
    return found


def change(home: Path, statement: str, *values: object) -> None:
    connection = sqlite3.connect(home / "watchword.db")
    with connection:
        connection.execute(statement, values)
    connection.close()


def test_after_the_first_start_all_is_well(database_url: str, tmp_path: Path) -> None:
    home = tmp_path / "home"
    start(home, database_url)
    said = healthy(doctor(home, WATCHWORD_DATABASE_URL=database_url))
    assert said["admin"] == "admin@example.com can administrate"
    assert said["keys"].endswith(" (ES256) signs, and all that is sealed (1) can be opened")


def test_trusted_documents_that_cannot_be_run_are_a_problem(home: Path, tmp_path: Path) -> None:
    manifest = tmp_path / "documents.json"
    manifest.write_text('{"good": "{ components { name } }"}')
    said = healthy(doctor(home, WATCHWORD_DOCUMENTS=str(manifest)))
    assert said["documents"] == "can be run, all 1"
    manifest.write_text('{"good": "{ components { name } }", "bad": "{ nothing }"}')
    found = problems(doctor(home, WATCHWORD_DOCUMENTS=str(manifest)))
    assert found["documents"].startswith("1 of 2 trusted documents cannot be run")
    assert "The first is bad: Cannot query field 'nothing'" in found["documents"]


def test_demo_people_are_named_and_are_a_problem_where_others_reach_the_server(
    tmp_path: Path,
) -> None:
    home = tmp_path / "home"
    settings = Settings(_env_file=None, home=home, demo_people=True)
    asyncio.run(bootstrap(settings, load(settings.mount), SystemClock(), is_local=True))
    named = "commander@demo.example, responder@demo.example, viewer@demo.example can sign in"
    assert healthy(doctor(home))["demo"] == f"{named}, because only this machine reaches the server"
    open_to_all = problems(doctor(home, WATCHWORD_HOST="0.0.0.0"))
    assert open_to_all == {"demo": f"{named}: start the server, which disables them."}


def test_before_the_first_start_it_says_to_start_and_makes_nothing(tmp_path: Path) -> None:
    home = tmp_path / "none"
    found = problems(doctor(home))
    assert set(found) == {"home", "database", "clock", "keys", "admin", "demo", "addresses"}
    assert all("start the server once" in said for said in found.values())
    assert not home.exists()


def test_a_home_that_is_no_directory_is_named(home: Path, database_url: str) -> None:
    shutil.rmtree(home)
    home.write_text("")
    start(home.with_name("other"), database_url)
    keys = (home.with_name("other") / FILE).read_text().strip()
    found = problems(
        doctor(home, WATCHWORD_DATABASE_URL=database_url, WATCHWORD_ENCRYPTION_KEYS=keys)
    )
    assert found == {
        "home": f"{home} is no directory that can be written to; start the server once."
    }


def test_a_database_that_was_not_migrated_says_so(home: Path) -> None:
    (home / "watchword.db").write_bytes(b"")
    found = problems(doctor(home))
    assert found.pop("database") == (
        "watchword.storage.migrations.versions, incident_room.migrations must be migrated;"
        " start the server, which does it."
    )
    assert found == dict.fromkeys(
        ("clock", "keys", "admin", "demo", "addresses"),
        "The database is not migrated: start the server once, which does it.",
    )


def test_a_migration_that_is_missing_is_found(home: Path) -> None:
    change(home, "DELETE FROM incident_room_version")
    assert problems(doctor(home)) == {
        "database": "incident_room.migrations must be migrated; start the server, which does it."
    }


def test_a_database_that_cannot_be_reached_is_a_problem_and_no_password_is_shown(
    home: Path,
) -> None:
    url = f"postgresql+asyncpg://watchword:{SECRET}@127.0.0.1:1/watchword"
    result = doctor(home, WATCHWORD_DATABASE_URL=url)
    found = problems(result)
    assert set(found) == {"database", "clock", "keys", "admin", "demo", "addresses"}
    assert all("Connect call failed ('127.0.0.1', 1)" in said for said in found.values())
    assert SECRET not in result.output


@pytest.mark.parametrize("place", ["password", "query"])
def test_no_password_of_a_healthy_database_is_shown(
    place: str, postgres_url: str, tmp_path: Path
) -> None:
    given = make_url(postgres_url)
    secret = given.password or SECRET
    if place == "password":
        url = given.set(password=secret)
    else:
        url = given.set(password=None, query={"password": secret})
    written = url.render_as_string(hide_password=False)
    assert secret in written
    start(tmp_path / "home", written)
    result = doctor(tmp_path / "home", WATCHWORD_DATABASE_URL=written)
    assert str(given.database) in healthy(result)["database"]
    assert secret not in result.output


def test_a_database_without_keys_is_a_problem(home: Path) -> None:
    change(home, "DELETE FROM watchword_signing_keys")
    assert problems(doctor(home)) == {
        "keys": "There is no signing key; start the server, which makes one."
    }


def test_a_key_that_cannot_be_read_is_a_problem_and_is_not_shown(home: Path) -> None:
    change(home, "UPDATE watchword_signing_keys SET private_pem = ?", f"nonsense {SECRET}")
    result = doctor(home)
    assert set(problems(result)) == {"keys"}
    assert SECRET not in result.output


def test_with_another_encryption_key_it_says_what_to_do(home: Path) -> None:
    assert problems(doctor(home, WATCHWORD_ENCRYPTION_KEYS=ENCRYPTION_KEY)) == {
        "keys": "What is sealed in the database cannot be opened: set WATCHWORD_ENCRYPTION_KEYS to"
        f" the keys that sealed it; add what is in {home / FILE}, which is not read while that is set."
    }


def test_a_lost_encryption_key_is_a_problem_and_no_other_is_made(home: Path) -> None:
    (home / FILE).unlink()
    found = problems(doctor(home))
    assert set(found) == {"keys"}
    assert found["keys"].startswith(f"{home / FILE} is not there")
    assert not (home / FILE).exists()


def test_an_account_that_has_anothers_address_in_another_spelling_is_a_problem(home: Path) -> None:
    for id, email in (("one", "\u00e9@example.com"), ("two", "e\u0301@example.com")):
        change(
            home,
            f"INSERT INTO watchword_accounts VALUES ('{id}', '{email}', '{email}', 'E', '[]',"
            " '2026-01-01 00:00:00', NULL, 1)",
        )
    assert problems(doctor(home)) == {
        "addresses": "1 accounts have the address of another one in another spelling, the first is"
        " e\u0301@example.com (two): watchword accounts rename two NEW_ADDRESS"
    }


def test_an_encryption_key_that_everybody_can_read_is_a_problem(home: Path) -> None:
    (home / FILE).chmod(0o644)
    file = home / FILE
    assert problems(doctor(home)) == {
        "keys": f"{file} is open to everybody on this machine: chmod 600 {file}"
    }


def test_a_secret_of_one_time_codes_that_cannot_be_opened_is_a_problem(home: Path) -> None:
    change(
        home,
        "INSERT INTO watchword_totp (account_id, is_confirmed, sealed_secret, last_step)"
        " SELECT id, 1, ?, 0 FROM watchword_accounts LIMIT 1",
        f"nonsense {SECRET}",
    )
    result = doctor(home)
    assert set(problems(result)) == {"keys"}
    assert SECRET not in result.output


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE watchword_accounts SET roles = '[\"viewer\"]'",
        "UPDATE watchword_accounts SET disabled_at = created_at",
        "DELETE FROM watchword_passwords",
    ],
    ids=["another-role", "disabled", "nothing-to-sign-in-with"],
)
def test_nobody_who_can_administrate_is_a_problem(statement: str, home: Path) -> None:
    change(home, statement)
    assert problems(doctor(home)) == {
        "admin": "Nobody who can sign in here is admin: run"
        " `watchword accounts add EMAIL --role admin`."
    }


def test_a_schema_without_the_role_admin_needs_no_admin(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    change(home, 'UPDATE watchword_accounts SET roles = \'["lead", "member"]\'')
    roles = {"member": frozenset[str](), "lead": frozenset[str]()}
    for known, is_healthy in ((roles, True), ({}, False)):
        mount = Mount(incident_room.schema, replace(incident_room.domain, roles=known))
        monkeypatch.setattr("watchword.cli.doctor.load", lambda name, mount=mount: mount)
        if is_healthy:
            said = healthy(doctor(home))["admin"]
            assert said == "is no role of incident_room:schema, so nobody needs it"
        else:
            assert set(problems(doctor(home))) == {"admin"}


def test_an_algorithm_that_no_key_is_for_is_a_problem(home: Path) -> None:
    assert problems(doctor(home, WATCHWORD_ALGORITHM="RS256")) == {
        "keys": "WATCHWORD_ALGORITHM is RS256, and no signing key is for it: run"
        " `watchword keys rotate`."
    }


def test_a_clock_behind_what_was_written_is_a_problem(home: Path) -> None:
    later = datetime.now(UTC) + timedelta(hours=1)
    change(
        home, "UPDATE watchword_accounts SET created_at = ?", later.strftime("%Y-%m-%d %H:%M:%S.%f")
    )
    assert problems(doctor(home)) == {
        "clock": "This machine's clock is behind what was written before: set it by NTP."
    }


def test_an_explorer_that_is_not_built_is_a_problem(home: Path, assets: Path) -> None:
    (assets / BUILT / "explorer.js").unlink()
    assert problems(doctor(home)) == {
        "explorer": "The explorer's file explorer.js is not built: run `make explorer`."
    }


def test_a_file_of_the_explorer_that_cannot_be_read_is_a_problem(home: Path, assets: Path) -> None:
    file = assets / BUILT / "explorer.js"
    file.unlink()
    file.mkdir()
    assert problems(doctor(home)) == {"explorer": f"{file} cannot be used: Is a directory."}


def test_an_explorer_that_is_switched_off_need_not_be_built(home: Path, assets: Path) -> None:
    shutil.rmtree(assets)
    assert healthy(doctor(home, WATCHWORD_EXPLORER="false"))["explorer"] == "is switched off"


def test_a_schema_that_cannot_be_loaded_is_a_problem(home: Path) -> None:
    found = problems(doctor(home, WATCHWORD_MOUNT="nowhere:schema"))
    sentence = "There is no module 'nowhere' to load the schema 'nowhere:schema' from."
    assert found.keys() == {"schema", "database", "demo"}
    assert all(each.startswith(sentence) for each in found.values())


def test_a_setting_that_cannot_be_used_is_named(home: Path) -> None:
    result = doctor(home, WATCHWORD_BUS_URL="http://localhost")
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.startswith("Error: WATCHWORD_BUS_URL must be memory://")


def test_a_redis_that_answers_is_well_and_one_that_does_not_is_named(home: Path) -> None:
    with live_redis() as redis:
        result = doctor(home, WATCHWORD_BUS_URL=redis.url)
        assert "ok       bus       Redis answers" in result.stdout
        redis.kill()
        result = doctor(home, WATCHWORD_BUS_URL=redis.url.replace("//", "//:hidden@"))
    assert result.exit_code == 1
    assert "problem  bus       Redis does not answer" in result.stdout
    assert "hidden" not in result.stdout + result.stderr


def test_looking_changes_nothing(home: Path) -> None:
    before = (home / "watchword.db").read_bytes()
    healthy(doctor(home))
    assert (home / "watchword.db").read_bytes() == before
