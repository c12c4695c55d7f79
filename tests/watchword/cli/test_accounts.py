"""`watchword accounts` adds and changes accounts, and explains every refusal."""

from __future__ import annotations

import asyncio
import re
import sys
from types import ModuleType

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import select

from tests.support import toy_schema
from tests.support.hashing import watched_hashes
from tests.support.users_table import UsersTable
from watchword.auth.accounts.accounts import find_account
from watchword.auth.sign_in.passwords import matching_form
from watchword.auth.tables import Account, Password
from watchword.cli.commands import cli
from watchword.domain import Domain
from watchword.storage.database import Database

ALICE, ADA = "alice@example.com", "ada@example.com"
GOOD = "correct horse battery"


def watchword(url: str, *arguments: str, **environment: str) -> Result:
    runner = CliRunner(env={"WATCHWORD_DATABASE_URL": url, **environment}, catch_exceptions=False)
    return runner.invoke(cli, ["accounts", *arguments])


def done(url: str, *arguments: str, **environment: str) -> str:
    """Run a command that must succeed, and return its output."""
    result = watchword(url, *arguments, **environment)
    assert result.exit_code == 0, result.output
    return result.output


def refused(url: str, *arguments: str, **environment: str) -> str:
    """Run a command that must be refused, and return its error message."""
    result = watchword(url, *arguments, **environment)
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.startswith("Error: ")
    assert result.stderr.count("\n") == 1
    return result.stderr.removeprefix("Error: ").strip()


def account(url: str, email: str = ALICE) -> Account:
    async def find() -> Account | None:
        database = Database(url)
        async with database.read() as db:
            found = await find_account(db, email)
        await database.close()
        return found

    found = asyncio.run(find())
    assert found is not None
    return found


def can_sign_in(url: str, email: str, password: str) -> bool:
    id = account(url, email).id

    async def check() -> bool:
        database = Database(url)
        async with database.read() as db:
            hash = await db.scalar(select(Password.hash).filter_by(account_id=id))
        await database.close()
        return await matching_form(password, hash) is not None

    return asyncio.run(check())


def shown_password(output: str) -> str:
    found = re.fullmatch(r".*\nPassword: (\S+)  \(shown this once\)\n", output)
    assert found is not None, output
    return found[1]


def test_an_added_account_has_its_name_and_roles(database_url: str) -> None:
    output = done(
        database_url, "add", ALICE, "--name", "Alice A.", "--role", "viewer", "--role", "responder"
    )
    assert output.startswith(f"{ALICE} can sign in, with the roles responder, viewer.\n")
    made = account(database_url)
    assert (made.name, made.roles) == ("Alice A.", ["responder", "viewer"])


def test_the_name_is_the_emails_first_part_when_not_given(sqlite_url: str) -> None:
    done(sqlite_url, "add", ALICE)
    assert account(sqlite_url).name == "alice"


def test_the_generated_password_that_is_shown_is_the_accounts(sqlite_url: str) -> None:
    assert can_sign_in(sqlite_url, ALICE, shown_password(done(sqlite_url, "add", ALICE)))


def test_no_two_generated_passwords_are_the_same(sqlite_url: str) -> None:
    emails = (ALICE, ADA)
    assert len({shown_password(done(sqlite_url, "add", email)) for email in emails}) == 2


def test_a_given_password_is_the_accounts_and_is_not_shown(sqlite_url: str) -> None:
    assert GOOD not in done(sqlite_url, "add", ALICE, "--password", GOOD)
    assert can_sign_in(sqlite_url, ALICE, GOOD)


def test_a_password_can_come_from_the_environment(sqlite_url: str) -> None:
    assert "Password" not in done(sqlite_url, "add", ALICE, WATCHWORD_PASSWORD=GOOD)
    assert can_sign_in(sqlite_url, ALICE, GOOD)


@pytest.mark.parametrize("password", ["", "short"])
def test_a_short_password_is_refused(password: str, sqlite_url: str) -> None:
    said = refused(sqlite_url, "add", ALICE, "--password", password)
    assert said == "A password has at least 12 characters."
    assert done(sqlite_url, "list") == ""


@pytest.mark.parametrize("command", [("add", ALICE, "--role"), ("set-roles", ALICE)])
def test_an_unknown_role_is_refused_with_those_that_there_are(
    command: tuple[str, ...], sqlite_url: str
) -> None:
    said = refused(sqlite_url, *command, "emperor")
    assert said == (
        "There is no role 'emperor' in incident_room:schema (WATCHWORD_MOUNT). Roles are viewer, responder,"
        " commander, admin."
    )


@pytest.mark.parametrize("again", [ALICE, ALICE.upper()])
def test_an_email_that_has_an_account_gets_no_second(again: str, database_url: str) -> None:
    done(database_url, "add", ALICE)
    said = refused(database_url, "add", again)
    assert said == "There is an account with this e-mail address already."


@pytest.mark.parametrize("email", ["alice", "@example.com", "alice@", "al ice@example.com"])
def test_what_is_no_email_gets_no_account(email: str, sqlite_url: str) -> None:
    assert refused(sqlite_url, "add", email) == "This is no e-mail address."


def test_an_address_is_one_with_and_without_spaces_composed_or_not(database_url: str) -> None:
    done(database_url, "add", " Jos\u00e9@example.com ")
    assert account(database_url, "jose\u0301@Example.com").email == "Jos\u00e9@example.com"
    said = refused(database_url, "add", "jose\u0301@example.com")
    assert said == "There is an account with this e-mail address already."


def test_what_is_no_email_is_refused_before_anything_is_hashed(
    sqlite_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with watched_hashes(monkeypatch) as slow:
        refused(sqlite_url, "add", "alice")
    assert slow == []


def test_an_account_is_renamed_by_its_address_or_its_id(database_url: str) -> None:
    done(database_url, "add", ALICE, "--password", GOOD)
    done(database_url, "add", ADA)
    assert done(database_url, "rename", ALICE, "al@example.com ") == "al@example.com can sign in.\n"
    assert can_sign_in(database_url, "AL@example.com", GOOD)
    assert "There is no account" in refused(database_url, "set-roles", ALICE)
    id = account(database_url, "al@example.com").id
    assert done(database_url, "rename", id, ALICE) == f"{ALICE} can sign in.\n"
    assert "already" in refused(database_url, "rename", id, ADA)
    assert "no e-mail address" in refused(database_url, "rename", id, "alice")


def test_the_list_tells_of_each_account_in_a_line(database_url: str) -> None:
    done(database_url, "add", ADA, "--role", "admin")
    done(database_url, "add", ALICE, "--role", "viewer", "--role", "responder")
    done(database_url, "disable", ALICE)
    assert done(database_url, "list").splitlines() == [
        f"{ADA}\tada\tadmin\tenabled",
        f"{ALICE}\talice\tresponder,viewer\tdisabled",
    ]


def test_set_roles_replaces_all_roles(sqlite_url: str) -> None:
    done(sqlite_url, "add", ALICE, "--role", "viewer")
    output = done(sqlite_url, "set-roles", ALICE, "responder", "commander")
    assert output == f"{ALICE} has the roles commander, responder.\n"
    assert account(sqlite_url).roles == ["commander", "responder"]


def test_set_roles_without_roles_takes_all_away(sqlite_url: str) -> None:
    done(sqlite_url, "add", ALICE, "--role", "viewer")
    assert done(sqlite_url, "set-roles", ALICE) == f"{ALICE} has no roles.\n"
    assert account(sqlite_url).roles == []


def test_after_set_password_the_new_one_fits_and_the_old_does_not(sqlite_url: str) -> None:
    old = shown_password(done(sqlite_url, "add", ALICE))
    new = shown_password(done(sqlite_url, "set-password", ALICE))
    matching_form = [can_sign_in(sqlite_url, ALICE, password) for password in (old, new)]
    assert matching_form == [False, True]


@pytest.mark.parametrize("password", ["", "short"])
def test_set_password_refuses_a_short_one_and_keeps_the_old(password: str, sqlite_url: str) -> None:
    done(sqlite_url, "add", ALICE, "--password", GOOD)
    said = refused(sqlite_url, "set-password", ALICE, "--password", password)
    assert said == "A password has at least 12 characters."
    assert can_sign_in(sqlite_url, ALICE, GOOD)


def test_whoever_is_disabled_stays_in_the_database(sqlite_url: str) -> None:
    done(sqlite_url, "add", ALICE)
    assert done(sqlite_url, "disable", ALICE) == f"{ALICE} cannot sign in any more.\n"
    assert account(sqlite_url).disabled_at is not None


@pytest.mark.parametrize(
    "command",
    [("set-roles", "viewer"), ("set-password",), ("disable",), ("enable",), ("sign-out",)],
)
def test_an_unknown_email_is_named(command: tuple[str, ...], sqlite_url: str) -> None:
    name, *rest = command
    assert refused(sqlite_url, name, ALICE, *rest) == f"There is no account for {ALICE}."


@pytest.mark.parametrize("command", [("set-roles", ADA, "viewer"), ("disable", ADA)])
def test_the_last_admin_cannot_go(command: tuple[str, ...], database_url: str) -> None:
    done(database_url, "add", ADA, "--role", "admin")
    said = refused(database_url, *command)
    assert said == "This is the last admin. Make somebody else admin first."
    assert done(database_url, "list") == f"{ADA}\tada\tadmin\tenabled\n"


def test_an_admin_can_go_when_another_stays(sqlite_url: str) -> None:
    done(sqlite_url, "add", ADA, "--role", "admin")
    done(sqlite_url, "add", ALICE, "--role", "admin")
    done(sqlite_url, "disable", ADA)
    assert "disabled" in done(sqlite_url, "list")


def test_whoever_was_disabled_can_be_enabled_again(database_url: str) -> None:
    done(database_url, "add", ALICE, "--password", GOOD)
    done(database_url, "disable", ALICE)
    assert done(database_url, "enable", ALICE) == f"{ALICE} can sign in.\n"
    assert account(database_url).disabled_at is None


def test_signing_out_makes_older_tokens_known_by_their_version(database_url: str) -> None:
    done(database_url, "add", ALICE, "--password", GOOD)
    before = account(database_url).version
    printed = done(database_url, "sign-out", ALICE)
    assert printed == f"{ALICE} must sign in again, wherever it was signed in.\n"
    assert account(database_url).version > before


def test_a_password_is_hashed_before_servers_have_to_wait(
    sqlite_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with watched_hashes(monkeypatch) as open_meanwhile:
        done(sqlite_url, "add", ALICE)
        done(sqlite_url, "set-password", ALICE)
    assert open_meanwhile == [0, 0]


@pytest.mark.parametrize("command", ["add", "set-password"])
def test_where_a_users_table_keeps_passwords_none_is_set(
    command: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = ModuleType("theirs")
    module.schema = toy_schema.schema  # type: ignore[attr-defined]
    module.domain = Domain(accounts=UsersTable())  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "theirs", module)
    said = refused("sqlite+aiosqlite://", command, ALICE, WATCHWORD_MOUNT="theirs:schema")
    assert "a users table of its own (Domain.accounts)" in said
