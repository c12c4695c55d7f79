"""Settings: where they are read from, which values are refused, and with which messages."""

from __future__ import annotations

import os
import traceback
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from watchword.config.settings import PREFIX, Settings, read
from watchword.errors import Unsafe

GOOD = "correct horse battery"


@pytest.fixture(autouse=True)
def _own_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Remove the settings of this machine from the environment of each test."""
    for name in os.environ:
        if name.upper().startswith(PREFIX):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize(
    ("values", "issuer"),
    [
        ({}, "http://127.0.0.1:8000"),
        ({"port": 8123}, "http://127.0.0.1:8123"),
        ({"host": "localhost", "port": 8123}, "http://localhost:8123"),
        ({"host": "::1"}, "http://[::1]:8000"),
        ({"host": "0.0.0.0", "port": 80}, "http://127.0.0.1:80"),
        ({"port": 8123, "issuer": "https://id.example.com"}, "https://id.example.com"),
    ],
)
def test_the_issuer_is_the_address_of_the_server_if_none_is_set(
    values: dict[str, Any], issuer: str
) -> None:
    assert read(**values).issuer == issuer


def test_the_port_of_the_environment_is_the_issuers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WATCHWORD_PORT", "8123")
    assert read().issuer == "http://127.0.0.1:8123"


def refused(**values: Any) -> str:
    with pytest.raises(Unsafe) as refusal:
        read(**values)
    return str(refusal.value)


def test_nothing_has_to_be_set() -> None:
    settings = read()
    assert (settings.host, settings.port) == ("127.0.0.1", 8000)
    assert settings.admin_password is None
    assert settings.allowed_origins == ()


@pytest.mark.parametrize(
    ("values", "line"),
    [
        ({"admin_password": "eleven char"}, "ADMIN_PASSWORD must have at least 12 characters"),
        ({"admin_password": "password1234"}, "ADMIN_PASSWORD must have at least 12 characters"),
        ({"admin_password": "Watchword-2024!"}, "ADMIN_PASSWORD must have at least 12 characters"),
        ({"admin_password": "administrator"}, "ADMIN_PASSWORD must have at least 12 characters"),
        ({"admin_password": "x" * 1025}, "ADMIN_PASSWORD must have at most 1024 characters"),
        ({"admin_email": "a\x07@example.com"}, "ADMIN_EMAIL must be an e-mail address"),
        ({"admin_email": f"{'a' * 320}@example.com"}, "ADMIN_EMAIL must be an e-mail address"),
        ({"admin_email": "admin"}, "ADMIN_EMAIL must be an e-mail address"),
        ({"admin_email": "ad min@example.com"}, "ADMIN_EMAIL must be an e-mail address"),
        ({"issuer": "http://auth.example.com"}, "ISSUER must use https"),
        ({"issuer": "http://127.0.0.1.example.com"}, "ISSUER must use https"),
        ({"issuer": "http://10.0.0.1"}, "ISSUER must use https"),
        ({"issuer": "https://auth.example.com?a=b"}, "ISSUER must be an https URL without query"),
        ({"issuer": "https://auth.example.com?"}, "ISSUER must be an https URL without query"),
        ({"issuer": "https://auth.example.com#a"}, "ISSUER must be an https URL without query"),
        ({"issuer": "https://auth.example.com#"}, "ISSUER must be an https URL without query"),
        ({"issuer": "auth.example.com"}, "ISSUER must be an https URL"),
        ({"issuer": "ftp://auth.example.com"}, "ISSUER must be an https URL"),
        ({"issuer": "https://"}, "ISSUER must be an https URL"),
        ({"issuer": "https://[::1"}, "ISSUER must be an https URL"),
        ({"rsa_bits": 2047}, "RSA_BITS must be at least 2048"),
        *(
            (
                {"introspection": value},
                "INTROSPECTION must be shown, hidden, or scope: and the name",
            )
            for value in ("off", "scope:", "scope:a b", 'scope:"', "hidden ", "scope:é")
        ),
        ({"database_url": "mysql://host/name"}, "DATABASE_URL must begin with sqlite+aiosqlite://"),
        ({"database_url": "sqlite:///name.db"}, "DATABASE_URL must begin with sqlite+aiosqlite://"),
        ({"database_url": "postgresql://h/name"}, "DATABASE_URL must begin with sqlite+aiosqlite:"),
        ({"database_url": "postgresql+asyncpg://h:port/name"}, "DATABASE_URL must be a URL"),
        ({"database_url": "sqlite+aiosqlite://name.db"}, "DATABASE_URL must be a URL"),
        (
            {"database_url": "postgresql+asyncpg://host/name?sslmode=require"},
            "DATABASE_URL takes ssl=require and the like, not sslmode=",
        ),
        ({"bus_url": "http://127.0.0.1"}, "BUS_URL must be memory:// or begin with redis://"),
        ({"bus_url": "redis+sentinel://one:26379"}, "BUS_URL must name the service"),
        ({"bus_url": "redis+cluster://one:6379,:1"}, "BUS_URL must name its hosts"),
        ({"bus_url": "redis+cluster://one:port"}, "BUS_URL must name its hosts"),
        ({"bus_url": "redis://here:port"}, "BUS_URL must name its hosts"),
        (
            {"key_rotation_seconds": 599},
            "KEY_ROTATION_SECONDS must not be shorter than WATCHWORD_KEY_PUBLISH_SECONDS",
        ),
        (
            {"max_upload_file_bytes": 30_000_000},
            "MAX_UPLOAD_BYTES must not be smaller than WATCHWORD_MAX_UPLOAD_FILE_BYTES",
        ),
        *(
            ({"trusted_proxies": value}, "TRUSTED_PROXIES must be addresses and networks")
            for value in ("nginx", "127.0.0.1;10.0.0.1", "10.0.0.1/8", "127.0.0.1, ::1/129")
        ),
        ({"workers": 2}, "WORKERS above 1 needs a bus between processes"),
        (
            {"refresh_idle_seconds": 7200, "refresh_absolute_seconds": 7199},
            "REFRESH_ABSOLUTE_SECONDS must not be shorter than WATCHWORD_REFRESH_IDLE_SECONDS",
        ),
    ],
    ids=lambda value: "-".join(map(str, value.values())) if isinstance(value, dict) else "",
)
def test_what_is_unsafe_is_refused_in_one_line_that_names_it_and_says_what_to_do(
    values: dict[str, Any], line: str
) -> None:
    refusal = refused(**values)
    assert refusal.startswith(PREFIX + line)
    assert "\n" not in refusal


@pytest.mark.parametrize(
    ("origin", "words"),
    [
        ("*", "must name each origin"),
        ("https://*.example.com", "must name each origin"),
        ("https://app.example.com/path", "write https://app.example.com and no more"),
        ("https://alice@app.example.com", "without user or password"),
        ("app.example.com", "write scheme://host[:port]"),
        ("null", "serve yours from an address"),
        ("", "write scheme://host[:port]"),
    ],
)
def test_what_is_no_origin_is_refused_with_advice(origin: str, words: str) -> None:
    refusal = refused(allowed_origins=["https://good.example.com", origin])
    assert refusal.startswith("WATCHWORD_ALLOWED_ORIGINS ")
    assert words in refusal


@pytest.mark.parametrize("proxies", ["*", "127.0.0.1", "::1, 10.0.0.0/8,fd00::/8,", ""])
def test_addresses_and_networks_of_proxies_are_taken(proxies: str) -> None:
    assert Settings(_env_file=None, trusted_proxies=proxies).trusted_proxies == proxies


def test_origins_are_kept_as_browsers_write_them() -> None:
    given = ["HTTPS://App.example.com:443/", "https://münchen.example", "capacitor://localhost"]
    kept = ("https://app.example.com", "https://xn--mnchen-3ya.example", "capacitor://localhost")
    settings = read(issuer="https://Id.example.com:443/tenant", allowed_origins=given)
    assert settings.allowed_origins == kept
    assert settings.own_origin == "https://id.example.com"
    assert settings.our_origins == ("https://id.example.com", *kept)
    assert read(passkey_origins=given).passkey_origins == kept


@pytest.mark.parametrize("value", ["https://app.example.com", "[", '"https://a.example"', "7"])
def test_origins_that_are_no_json_list_are_refused_with_an_example(
    value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WATCHWORD_ALLOWED_ORIGINS", value)
    expected = 'WATCHWORD_ALLOWED_ORIGINS must be a JSON list: ["https://app.example.com"]'
    assert refused() == expected


@pytest.mark.parametrize(
    "name",
    [name for name, field in Settings.model_fields.items() if field.annotation in (int, float)],
)
def test_a_number_that_is_none_or_below_zero_is_refused_by_name(name: str) -> None:
    for value in ("many", "-1"):
        assert refused(**{name: value}).startswith(f"{PREFIX}{name.upper()} ")


@pytest.mark.parametrize("name", ["algorithm", "log_level"])
def test_a_word_that_is_not_on_the_list_is_refused_with_the_list(name: str) -> None:
    refusal = refused(**{name: "none"})
    assert refusal.startswith(f"{PREFIX}{name.upper()} ")
    assert {"algorithm": "'ES256'", "log_level": "'DEBUG'"}[name] in refusal


def test_every_fault_is_told_at_once() -> None:
    lines = refused(issuer="ftp://a", rsa_bits=1, bus_url="x").splitlines()
    names = {line.split()[0] for line in lines}
    assert names == {"WATCHWORD_ISSUER", "WATCHWORD_RSA_BITS", "WATCHWORD_BUS_URL"}


@pytest.mark.parametrize(
    ("values", "secret"),
    [
        ({"admin_password": "pa55word"}, "pa55word"),
        ({"admin_password": GOOD, "workers": 2}, GOOD),
        ({"admin_password": GOOD, "port": "x", "issuer": "x"}, GOOD),
        ({"database_url": "mysql://alice:pa55word@host/name"}, "pa55word"),
        ({"database_url": "postgresql+asyncpg://alice@host:pa55word/name"}, "pa55word"),
        ({"database_url": "sqlite+aiosqlite://alice:pa55word@host/name"}, "pa55word"),
        ({"allowed_origins": ["https://alice:pa55word@app.example.com"]}, "pa55word"),
        ({"issuer": "https://alice:pa55word@app.example.com"}, "pa55word"),
    ],
)
def test_a_refusal_never_shows_a_password(values: dict[str, Any], secret: str) -> None:
    with pytest.raises(Unsafe) as refusal:
        read(**values)
    assert secret not in "".join(traceback.format_exception(refusal.value))


def test_settings_that_are_printed_show_no_password() -> None:
    url = "postgresql+asyncpg://alice:pa55word@host/name"
    shown = repr(read(admin_password=GOOD, database_url=url))
    assert GOOD not in shown
    assert "pa55word" not in shown


@pytest.mark.parametrize(
    "values",
    [
        {"admin_password": GOOD},
        {"issuer": "https://auth.example.com/tenant"},
        {"issuer": "http://localhost:8000"},
        {"issuer": "http://watchword.localhost"},
        {"issuer": "http://[::1]:8000"},
        {"rsa_bits": 2048},
        {"database_url": "postgresql+asyncpg://alice:secret@host:5432/name"},
        {"database_url": "postgresql+asyncpg://alice@host/name?ssl=require"},
        {"database_url": "sqlite+aiosqlite:////data/watchword.db"},
        {"allowed_origins": ("https://app.example.com", "http://localhost:3000")},
        {"refresh_idle_seconds": 7200, "refresh_absolute_seconds": 7200},
        {"workers": 1},
    ],
    ids=str,
)
def test_what_is_safe_is_taken_as_it_is(values: dict[str, Any]) -> None:
    settings = read(**values)
    assert {name: getattr(settings, name) for name in values} == values


def test_what_was_read_does_not_change() -> None:
    settings = read()
    with pytest.raises(ValidationError, match="frozen"):
        settings.port = 1


def test_the_environment_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WATCHWORD_PORT", "8123")
    monkeypatch.setenv("WATCHWORD_DEMO", "false")
    monkeypatch.setenv("WATCHWORD_ALLOWED_ORIGINS", '["https://app.example.com"]')
    settings = read()
    assert (settings.port, settings.demo) == (8123, False)
    assert settings.allowed_origins == ("https://app.example.com",)


def test_a_file_of_settings_is_read(tmp_path: Path) -> None:
    origins = '["https://app.example.com"]'
    (tmp_path / ".env").write_text(
        f"# Ours\nWATCHWORD_PORT=8123\nWATCHWORD_ALLOWED_ORIGINS='{origins}'\nOTHER_PORT=1\n"
    )
    settings = read()
    assert settings.port == 8123
    assert settings.allowed_origins == ("https://app.example.com",)


def test_the_environment_wins_over_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / ".env").write_text("WATCHWORD_PORT=8123\n")
    monkeypatch.setenv("WATCHWORD_PORT", "8124")
    assert read().port == 8124


def test_an_override_wins_over_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WATCHWORD_PORT", "8123")
    assert read(port=8124).port == 8124


def test_an_override_that_is_none_leaves_the_environment_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("WATCHWORD_PORT", "8123")
    assert read(port=None).port == 8123


def test_what_the_environment_says_wrong_is_refused_as_well(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("WATCHWORD_WORKERS", "2")
    assert refused().startswith("WATCHWORD_WORKERS above 1 needs a bus ")


@pytest.mark.parametrize("name", Settings.model_fields)
def test_an_empty_value_counts_as_not_set(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    default = read()
    (tmp_path / ".env").write_text(f"{PREFIX}{name.upper()}=\n")
    assert read() == default
    monkeypatch.setenv(f"{PREFIX}{name.upper()}", "")
    assert read() == default


def test_another_programs_variables_do_not_matter(monkeypatch: pytest.MonkeyPatch) -> None:
    default = read()
    monkeypatch.setenv("PORT", "8123")
    monkeypatch.setenv("WATCHWORD_SOMETHING", "else")
    assert read() == default


def test_the_home_directory_holds_the_database(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert read().database_url == "sqlite+aiosqlite:///var/watchword.db"
    expected = f"sqlite+aiosqlite:///{tmp_path}/watchword.db"
    assert read(home=tmp_path).database_url == expected
    monkeypatch.setenv("WATCHWORD_HOME", str(tmp_path))
    assert read().database_url == expected


def test_a_database_that_is_named_stays_where_it_is(tmp_path: Path) -> None:
    url = "postgresql+asyncpg://host/name"
    assert read(home=tmp_path, database_url=url).database_url == url


@pytest.mark.parametrize("name", Settings.model_fields)
def test_every_setting_says_what_it_is_for(name: str) -> None:
    assert Settings.model_fields[name].description


@pytest.mark.parametrize(
    "origin",
    [
        "https://app.example.com/path",
        "app.example.com",
        "https://*.example.com",
        "android:x",
    ],
)
def test_passkeys_are_used_at_origins_that_are_named(origin: str) -> None:
    assert "PASSKEY_ORIGINS" in refused(passkey_origins=["https://good.example.com", origin])


def test_passkeys_are_used_by_apps_too() -> None:
    app = "android:apk-key-hash:7d1043473d55bfa90e8530d35801d4e381bc69f0"
    assert read(passkey_origins=[app]).passkey_origins == (app,)
