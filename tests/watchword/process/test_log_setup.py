"""Logs contain everything but secrets."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.tokens import claims, key, signed
from watchword.auth.http.routes import COOKIE
from watchword.auth.sign_in.known_devices import COOKIE as DEVICE_COOKIE
from watchword.process.log_setup import HIDDEN, QUIET, RedactingFormatter, redact, set_up

SECRET = "v3ry-s3cret_indeed"
# How secrets get into log lines: headers, bodies, reprs, URLs, the environment.
FORMS = [
    "Authorization: Bearer {}",
    "authorization: bearer {}",
    "AUTHORIZATION: BEARER  {}",
    "Bearer\t{}",
    "(b'authorization', b'Bearer {}')",
    '{{"authorization": "Bearer {}"}}',
    "Authorization: DPoP {}",
    "cookie: theme=dark; " + COOKIE + "={}; other=1",
    "Set-Cookie: " + COOKIE + "={}; Path=/; Secure",
    "set-cookie: " + COOKIE + '="{}"; Path=/',
    "(b'cookie', b'" + COOKIE + "={}')",
    "Set-Cookie: " + DEVICE_COOKIE + "={}; Path=/; Secure",
    "(b'cookie', b'" + DEVICE_COOKIE + "={}')",
    '{{"device_token": "{}"}}',
    '{{"refresh_token": "{}"}}',
    '{{"refresh_token":"{}","delivery":"body"}}',
    '{{ "refresh_token" : "{}" }}',
    "{{'refresh_token': '{}'}}",
    'b"{{\\"refresh_token\\":\\"{}\\"}}"',
    "grant_type=refresh_token&refresh_token={}&scope=x",
    "SignedIn(refresh_token='{}')",
    '{{"email": "a@example.com", "password": "{}"}}',
    '{{"password":"{}"}}',
    '{{"PASSWORD": "{}"}}',
    "{{'password': '{}', 'email': 'a@example.com'}}",
    "{{'password': \"it's {}\"}}",
    '{{"password": "a \\"{}\\" b"}}',
    '{{"password": "two words {}"}}',
    'b\'{{"password":"{}"}}\'',
    "password={}",
    "Settings(admin_password='{}')",
    "WATCHWORD_ADMIN_PASSWORD={}",
    "postgresql+asyncpg://alice:{}@db.example.com:5432/watchword",
]
TOKENS = [signed(key(algorithm), claims(0)) for algorithm in ("ES256", "EdDSA", "RS256")]
SERVER = "uvicorn.error"


@pytest.fixture
def _own_logging() -> Iterator[None]:
    """Restore the logging configuration after each test."""
    loggers = [logging.getLogger(name) for name in (None, SERVER, *QUIET)]
    before = [(each.level, each.handlers[:], each.filters[:]) for each in loggers]
    yield
    for each, (level, handlers, filters) in zip(loggers, before, strict=True):
        each.setLevel(level)
        each.handlers[:] = handlers
        each.filters[:] = filters


@pytest.mark.parametrize("form", FORMS)
def test_a_secret_is_hidden_in_whatever_form_it_comes(form: str) -> None:
    text = redact(f"before {form.format(SECRET)} after")
    assert SECRET not in text
    assert HIDDEN in text
    assert text.startswith("before ")
    assert text.endswith(" after")


@pytest.mark.parametrize("form", ["{}", "token={}", "?access_token={}&x=1", "b'{}'", "<{}>"])
@pytest.mark.parametrize("token", TOKENS, ids=["ES256", "EdDSA", "RS256"])
def test_a_token_is_hidden_in_any_place_and_whole(form: str, token: str) -> None:
    assert redact(f"before {form.format(token)} after") == f"before {form.format(HIDDEN)} after"


def test_a_token_that_was_cut_is_hidden_as_well() -> None:
    head, payload, _ = TOKENS[0].split(".")
    for cut in (f"{head}.{payload}", f"{head}.{payload[:10]}", f"{head}."):
        assert redact(f"before {cut} after") == f"before {HIDDEN} after"


def test_every_secret_of_a_text_is_hidden() -> None:
    text = redact("\n".join(form.format(SECRET) for form in (*FORMS, *TOKENS)))
    assert SECRET not in text
    assert "eyJ" not in text


@pytest.mark.parametrize("algorithm", ["ES256", "EdDSA", "RS256"])
def test_a_private_key_is_hidden(algorithm: str) -> None:
    pem = key(algorithm).pem()
    middle = pem.splitlines()[1]
    assert redact(f"before {pem} after").replace("\n", "") == f"before {HIDDEN} after"
    assert middle not in redact(f"parameters: {('kid', pem)!r}")
    assert middle not in redact(pem[: len(pem) // 2 + 40])


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Application startup complete.",
        "sign-in refused from 203.0.113.7",
        "a token was refused by the rule: signature",
        "a rotated refresh token came again; session 3f2a is revoked",
        "WATCHWORD_ADMIN_PASSWORD must have at least 12 characters",
        "A password has at least 12 characters.",
        "The member 'password' must be a text.",
        "the password: twelve characters or more",
        "{'refresh_token': None, 'delivery': 'body'}",
        "cookie: theme=dark; other=1",
        "sqlite+aiosqlite:////data/watchword.db",
        "postgresql+asyncpg://alice@db.example.com:5432/watchword",
        "http://127.0.0.1:8000/graphql?email=alice@example.com",
        "heyjude.mp3 from greyjoy.example.com",
        "unexpected error 7f3a\n  File \"/app/graph/watchword/log.py\", line 7, in redact\n    raise ValueError",
        "naïve café 🎉 \x00 \u2028",
    ],
)  # fmt: skip
def test_ordinary_text_survives_untouched(text: str) -> None:
    assert redact(text) == text


@given(st.text(st.characters(exclude_characters="=:.-'\" \t\n\r\x0b\x0c\x1c\x1d\x1e\x1f\x85\xa0")))
def test_a_word_is_no_secret(word: str) -> None:
    assert redact(word) == word


PIECES = [
    "bearer ",
    "password",
    "refresh_token",
    COOKIE,
    "://",
    "eyJ",
    "=",
    ":",
    ".",
    "@",
    '"',
    "'",
]


@given(st.lists(st.sampled_from([*PIECES, "\\", " ", "\n", "a", HIDDEN])).map("".join))
def test_what_was_redacted_once_stays_as_it_is(text: str) -> None:
    once = redact(text)
    assert redact(once) == once


def record(message: str, *arguments: object, is_error: bool = False) -> logging.LogRecord:
    trace = sys.exc_info() if is_error else None
    return logging.LogRecord("watchword", logging.ERROR, __file__, 1, message, arguments, trace)


def test_the_arguments_of_a_record_are_redacted() -> None:
    made = record("headers: %s", {"authorization": f"Bearer {SECRET}"})
    text = RedactingFormatter("%(name)s: %(message)s").format(made)
    assert text == f"watchword: headers: {{'authorization': 'Bearer {HIDDEN}'}}"


@pytest.mark.parametrize("form", FORMS)
def test_a_trace_is_redacted_down_to_its_first_cause(form: str) -> None:
    try:
        try:
            raise ValueError(f"cannot read {form.format(SECRET)}")
        except ValueError as error:
            raise RuntimeError(f"cannot use {TOKENS[0]}") from error
    except RuntimeError:
        text = RedactingFormatter("%(message)s").format(record("it failed", is_error=True))
    assert SECRET not in text
    assert TOKENS[0] not in text
    assert "ValueError: cannot read " in text
    assert f"RuntimeError: cannot use {HIDDEN}" in text


@pytest.mark.usefixtures("_own_logging")
def test_every_logger_of_the_process_writes_to_stderr_redacted(
    capsys: pytest.CaptureFixture[str],
) -> None:
    set_up("INFO")
    logging.getLogger("some.library").info("got Bearer %s", SECRET)
    written = capsys.readouterr()
    assert written.out == ""
    assert written.err.endswith(f" INFO some.library: got Bearer {HIDDEN}\n")


@pytest.mark.usefixtures("_own_logging")
def test_what_is_below_the_level_is_not_written(capsys: pytest.CaptureFixture[str]) -> None:
    set_up("WARNING")
    logging.getLogger("watchword").info("chatter")
    logging.getLogger("watchword").warning("trouble")
    assert "chatter" not in (text := capsys.readouterr().err)
    assert "trouble" in text


@pytest.mark.usefixtures("_own_logging")
@pytest.mark.parametrize("name", QUIET)
def test_what_tells_of_each_statement_is_quiet_at_any_level(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    set_up("DEBUG")
    logging.getLogger(name).info("chatter")
    logging.getLogger(name).warning("trouble")
    assert "chatter" not in (text := capsys.readouterr().err)
    assert "trouble" in text


@pytest.mark.usefixtures("_own_logging")
@pytest.mark.parametrize(
    "line",
    ['127.0.0.1:1 - "WebSocket /graphql?secret=1" [accepted]', "connection open", "< TEXT 'eyJ"],
)
def test_the_server_tells_of_no_socket_and_no_frame(
    line: str, capsys: pytest.CaptureFixture[str]
) -> None:
    set_up("DEBUG")
    server = logging.getLogger("uvicorn.error")
    (server.debug if line.startswith("<") else server.info)(line)
    server.info("Application startup complete.")
    assert line not in (text := capsys.readouterr().err)
    assert "Application startup complete." in text


@pytest.mark.usefixtures("_own_logging")
def test_a_second_set_up_writes_no_line_twice(capsys: pytest.CaptureFixture[str]) -> None:
    set_up("INFO")
    set_up("INFO")
    logging.getLogger("watchword").info("once")
    assert capsys.readouterr().err.count("once") == 1


@pytest.mark.usefixtures("_own_logging")
def test_the_server_says_when_it_is_up_and_what_is_wrong(
    capsys: pytest.CaptureFixture[str],
) -> None:
    set_up("INFO")
    logging.getLogger(SERVER).info("Application startup complete.")
    logging.getLogger(SERVER).error("connection is not what it was")
    text = capsys.readouterr().err
    assert "Application startup complete." in text
    assert "connection is not what it was" in text
