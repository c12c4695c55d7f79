"""`watchword token` mints tokens, and explains why a token would be refused."""

from __future__ import annotations

import json
import re
from base64 import urlsafe_b64encode
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from tests.support.issuer import JWKS, FakeIssuer, fake_issuer
from tests.support.tokens import key, unsigned
from tests.support.vault import ENCRYPTION_KEY
from watchword.cli.commands import cli
from watchword.tokens.jose.compact import LONGEST
from watchword.tokens.keys import encode

ALICE = "alice@example.com"
NO_TOKEN = "it is no token: a token is three parts of base64url with dots between them"


@pytest.fixture(scope="module")
def url(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A database with one key and one account, shared by all tests here, which do not change it."""
    path = tmp_path_factory.mktemp("token") / "watchword.db"
    path.write_bytes(sqlite_template.read_bytes())
    url = f"sqlite+aiosqlite:///{path}"
    for command in (
        ["keys", "rotate"],
        ["accounts", "add", ALICE, "--role", "viewer", "--role", "responder"],
    ):
        assert invoke(url, *command).exit_code == 0
    return url


def invoke(
    url: str, *arguments: str, given: str | bytes | None = None, **environment: str
) -> Result:
    given_too = {"WATCHWORD_DATABASE_URL": url, "WATCHWORD_ENCRYPTION_KEYS": ENCRYPTION_KEY}
    runner = CliRunner(env=given_too | environment, catch_exceptions=False)
    return runner.invoke(cli, arguments, input=given)


def mint(url: str, *arguments: str, **environment: str) -> str:
    result = invoke(url, "token", "mint", *arguments, **environment)
    assert result.exit_code == 0, result.output
    return result.stdout.strip()


def accepted(result: Result) -> dict[str, tuple[str, str]]:
    """Inspect a token that would be accepted; return value and meaning of each claim."""
    assert result.exit_code == 0, result.output
    *lines, last = result.stdout.splitlines()
    assert last == "It would be accepted."
    return claims("\n".join(lines))


def claims(output: str) -> dict[str, tuple[str, str]]:
    found = re.findall(r"^(\S+) +(.*)\n {11}(.*)$", output, re.M)
    return {name: (value, meaning) for name, value, meaning in found}


def refusal(result: Result) -> str:
    """Inspect a token that would be refused; return the reason."""
    assert result.exit_code == 1, result.output
    found = re.fullmatch(r"Error: It would be refused: (.+)\.\n", result.stderr)
    assert found is not None, result.stderr
    return found[1]


def test_a_minted_token_is_all_that_is_printed(url: str) -> None:
    result = invoke(url, "token", "mint", "--subject", "alice")
    assert re.fullmatch(r"[\w-]+\.[\w-]+\.[\w-]+\n", result.output)


def test_every_claim_is_explained(url: str) -> None:
    shown = accepted(invoke(url, "token", "inspect", mint(url, "--account", ALICE)))
    assert set(shown) == {
        "typ", "alg", "kid", "iss", "aud", "sub", "exp", "nbf", "iat", "jti", "client_id", "scope",
        "roles", "ver",
    }  # fmt: skip
    assert all(meaning and meaning != "not a claim of ours" for _, meaning in shown.values())


def test_a_token_of_an_account_has_its_roles_and_their_scopes(url: str) -> None:
    shown = accepted(invoke(url, "token", "inspect", mint(url, "--account", ALICE.upper())))
    assert shown["roles"][0] == "responder viewer"
    assert shown["scope"][0] == (
        "components:write incidents:internal incidents:read incidents:write members:read"
    )


@pytest.fixture
def own_url(url: str, tmp_path: Path) -> str:
    """A copy of that database, for tests that change it."""
    path = tmp_path / "watchword.db"
    path.write_bytes(Path(url.removeprefix("sqlite+aiosqlite:///")).read_bytes())
    return f"sqlite+aiosqlite:///{path}"


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (["sign-out", ALICE], "its account, its session, its client or it alone was revoked"),
        (
            ["set-roles", ALICE, "viewer"],
            "its account has changed since it was issued: get another",
        ),
    ],
)
def test_a_token_from_before_a_change_is_refused_and_one_from_after_it_is_not(
    change: list[str], reason: str, own_url: str
) -> None:
    token = mint(own_url, "--account", ALICE)
    assert invoke(own_url, "accounts", *change).exit_code == 0
    assert reason in refusal(invoke(own_url, "token", "inspect", token))
    accepted(invoke(own_url, "token", "inspect", mint(own_url, "--account", ALICE)))


def test_none_is_minted_for_a_disabled_account_or_with_an_unknown_role(own_url: str) -> None:
    assert invoke(own_url, "accounts", "disable", ALICE).exit_code == 0
    result = invoke(own_url, "token", "mint", "--account", ALICE)
    assert result.stderr == f"Error: {ALICE} is disabled: every token of it is refused.\n"
    result = invoke(own_url, "token", "mint", "--subject", "x", "--role", "nope")
    assert "There is no role 'nope'" in result.stderr


def test_roles_and_scopes_can_be_narrower_than_the_accounts(url: str) -> None:
    token = mint(url, "--account", ALICE, "--role", "viewer", "--scope", "a:b", "--scope", "c:d")
    shown = accepted(invoke(url, "token", "inspect", token))
    assert (shown["roles"][0], shown["scope"][0]) == ("viewer", "a:b c:d")


def test_a_token_of_a_subject_says_what_it_was_told(url: str) -> None:
    token = mint(url, "--subject", "robot", "--client-id", "robot", "--role", "viewer")
    shown = accepted(invoke(url, "token", "inspect", token))
    told = [shown[name][0] for name in ("sub", "client_id", "roles", "scope")]
    assert told == ["robot", "robot", "viewer", "incidents:read"]


def test_a_token_for_an_application_has_no_roles(url: str) -> None:
    token = mint(url, "--account", ALICE, "--client-id", "client_app")
    shown = accepted(invoke(url, "token", "inspect", token))
    assert (shown["roles"][0], "incidents:write" in shown["scope"][0]) == ("", True)
    misused = invoke(
        url, "token", "mint", "--account", ALICE, "--client-id", "client_app", "--role", "viewer"
    )
    assert (misused.exit_code, misused.stdout) == (2, "")
    assert "has no roles" in misused.stderr


def test_a_token_may_be_shorter_lived_than_the_setting(url: str) -> None:
    shown = accepted(
        invoke(url, "token", "inspect", mint(url, "--subject", "x", "--seconds", "60"))
    )
    assert int(shown["exp"][0]) - int(shown["iat"][0]) == 60


def test_a_token_lives_no_longer_than_the_setting(url: str) -> None:
    result = invoke(url, "token", "mint", "--subject", "x", "--seconds", "601")
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == "Error: A token lives at most 600 seconds.\n"


@pytest.mark.parametrize(
    "arguments",
    [(), ("--account", ALICE, "--subject", "x"), ("--subject", ""), ("--account", "")],
)
def test_neither_or_both_of_account_and_subject_is_misuse(
    arguments: tuple[str, ...], url: str
) -> None:
    result = invoke(url, "token", "mint", *arguments)
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.endswith("Error: Give either --account or --subject.\n")


def test_no_token_is_minted_for_an_account_that_does_not_exist(url: str) -> None:
    result = invoke(url, "token", "mint", "--account", "nobody@example.com")
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == "Error: There is no account for nobody@example.com.\n"


@pytest.mark.parametrize(
    "command", [("token", "mint", "--subject", "x"), ("token", "inspect", "x")]
)
def test_without_a_key_it_says_where_keys_come_from(
    command: tuple[str, ...], sqlite_url: str
) -> None:
    result = invoke(sqlite_url, *command)
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == "Error: There is no signing key yet: start the server once.\n"


@pytest.mark.parametrize("arguments", [(), ("-",)])
@pytest.mark.parametrize("form", ["{}", "{}\n", "Bearer {}\n"])
def test_a_token_can_come_from_standard_input(
    form: str, arguments: tuple[str, ...], url: str
) -> None:
    given = form.format(mint(url, "--subject", "x"))
    assert accepted(invoke(url, "token", "inspect", *arguments, given=given))["sub"][0] == "x"


def test_an_expired_token_says_that_it_has_expired(url: str) -> None:
    token = mint(url, "--subject", "x", "--seconds", "-60")
    result = invoke(url, "token", "inspect", token)
    assert refusal(result) == "it has expired"
    assert re.search(r"ends \S+Z, 6\d s ago", claims(result.stdout)["exp"][1])


@pytest.mark.parametrize(
    ("setting", "value", "reason"),
    [
        (
            "ISSUER",
            "https://else.example",
            "it comes from another issuer than WATCHWORD_ISSUER, or than the address in WATCHWORD_HOST and WATCHWORD_PORT"
            " if that is not set",
        ),
        ("AUDIENCE", "else", "it is for another audience than WATCHWORD_AUDIENCE"),
    ],
)
def test_a_token_from_or_for_somebody_else_says_so(
    setting: str, value: str, reason: str, url: str
) -> None:
    foreign = {f"WATCHWORD_{setting}": value}
    token = mint(url, "--subject", "x", **foreign)
    assert refusal(invoke(url, "token", "inspect", token)) == reason


def test_a_changed_signature_says_so_and_the_claims_are_shown_all_the_same(url: str) -> None:
    head, payload, signature = mint(url, "--subject", "x").split(".")
    changed = ("B" if signature[0] == "A" else "A") + signature[1:]
    result = invoke(url, "token", "inspect", f"{head}.{payload}.{changed}")
    reason = refusal(result)
    assert reason == "its signature does not fit: it was changed, or signed by somebody else"
    assert claims(result.stdout)["sub"][0] == "x"


def test_a_key_of_somebody_else_says_so(url: str, sqlite_url: str) -> None:
    assert invoke(sqlite_url, "keys", "rotate").exit_code == 0
    token = mint(sqlite_url, "--subject", "x")
    assert refusal(invoke(url, "token", "inspect", token)).startswith("no key of ours has this id")


@pytest.mark.parametrize(
    ("token", "reason"),
    [
        *((text, NO_TOKEN) for text in ("", "garbage", "a.b", "a.b.c.d", "ä.b.c", "a.b.c=")),
        ("a" * (LONGEST + 1), "it is longer than 8 KB"),
        ("e30.e30.x", "one of its parts is cut off, or has a letter too many"),
        ("e31.e30.e30", "one of its parts was changed: base64url does not end with that letter"),
        *(
            (
                f"{encode(text)}.e30.e30",
                "its header or payload is no JSON, or has a name twice, or an endless number",
            )
            for text in (b"{", b'{"a":1,"a":1}', b"\xff", b'{"a":NaN}')
        ),
        (f"{encode(b'[1]')}.e30.e30", "its header or payload is no JSON object"),
        (unsigned({"typ": "JWT"}, {}), "it is not an access token (typ is not at+jwt)"),
        (unsigned({}, {}), "it is not an access token (typ is not at+jwt)"),
        *(
            (
                unsigned({"typ": "at+jwt", name: "x"}, {}),
                f"its header has {name}, which no token of ours has",
            )
            for name in ("crit", "jwk", "jku", "x5c", "x5u", "b64", "zip", "enc")
        ),
    ],
)
def test_what_is_no_token_of_ours_says_why_in_plain_words(
    token: str, reason: str, url: str
) -> None:
    assert refusal(invoke(url, "token", "inspect", "-", given=token)) == reason


@pytest.mark.parametrize("given", [b"\xff\xfe", b"\x00", b"a.\xff.c", b"\xed\xa0\x80"])
def test_bytes_that_are_no_text_are_no_token(given: bytes, url: str) -> None:
    assert refusal(invoke(url, "token", "inspect", given=given)) == NO_TOKEN


def test_an_argument_that_is_no_text_is_no_token(url: str) -> None:
    assert refusal(invoke(url, "token", "inspect", "\udcff")) == NO_TOKEN


def test_a_list_of_anything_is_shown(url: str) -> None:
    result = invoke(url, "token", "inspect", unsigned({"typ": "at+jwt"}, {"aud": [1, None, {}]}))
    assert claims(result.stdout)["aud"][0] == "1 None {}"


def test_nothing_in_a_token_can_steer_the_terminal(url: str) -> None:
    payload = urlsafe_b64encode(b'{"sub":"\\u001b[2Jx\\ny","\\ud800\\n":1}').decode().rstrip("=")
    result = invoke(url, "token", "inspect", f"{encode(b'{}')}.{payload}.e30")
    assert claims(result.stdout)["sub"][0] == r"\x1b[2Jx\ny"
    assert result.stdout.replace("\n", "").isprintable()


def test_the_payload_cannot_hide_what_the_header_says(url: str) -> None:
    result = invoke(url, "token", "inspect", unsigned({"kid": "real"}, {"kid": "pretended"}))
    assert re.findall(r"^kid +(\w+)$", result.stdout, re.M) == ["real", "pretended"]


@pytest.fixture
def idp() -> Iterator[FakeIssuer]:
    with fake_issuer() as issuer:
        yield issuer


def inspect_theirs(url: str, idp: FakeIssuer, token: str, **entry: Any) -> Result:
    trusted = json.dumps([idp.setting(**entry)])
    return invoke(url, "token", "inspect", token, WATCHWORD_TRUSTED_ISSUERS=trusted)


def test_a_token_of_a_trusted_issuer_is_explained_as_such(url: str, idp: FakeIssuer) -> None:
    shown = accepted(inspect_theirs(url, idp, idp.token()))
    assert shown["sub"][0] == "person-1"
    for token, reason in (
        (idp.token(key()), "no key of example has this id"),
        (idp.token(aud="other"), "it is for another audience than example has in WATCHWORD_TRUST"),
        (idp.token(header={"typ": "JWT"}), "its typ is not one of the types that example has"),
        (idp.token(nonce="n"), "its claim nonce is missing, or is not what it should be"),
        (idp.token(now=1_000_000_000), "it has expired"),
    ):
        assert refusal(inspect_theirs(url, idp, token)).startswith(reason)


def test_an_issuer_that_is_away_is_not_the_tokens_fault(url: str, idp: FakeIssuer) -> None:
    idp.say(JWKS, {}, 503)
    said = refusal(inspect_theirs(url, idp, idp.token()))
    assert said == "The identity provider of this token cannot be reached. Try again"


def test_whom_a_token_of_a_trusted_issuer_speaks_for_may_be_nobody_here(
    sqlite_url: str, idp: FakeIssuer
) -> None:
    assert invoke(sqlite_url, "accounts", "add", ALICE).exit_code == 0
    trusted = json.dumps([idp.setting()])
    token = idp.token()
    # Inspecting a token creates no account.
    accepted(inspect_theirs(sqlite_url, idp, token))
    said = refusal(inspect_theirs(sqlite_url, idp, token, accounts="known"))
    assert said.startswith("its person has no account here")
    linked = ("issuers", "link", "example", "person-1", ALICE)
    assert invoke(sqlite_url, *linked, WATCHWORD_TRUSTED_ISSUERS=trusted).exit_code == 0
    accepted(inspect_theirs(sqlite_url, idp, token, accounts="known"))
    assert invoke(sqlite_url, "accounts", "sign-out", ALICE).exit_code == 0
    said = refusal(inspect_theirs(sqlite_url, idp, token))
    assert said == "its account is disabled, or was signed out after it was issued"
