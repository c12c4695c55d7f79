"""Settings of sign-in and tokens: how issuer, passkeys and trusted issuers are read and checked."""

from __future__ import annotations

from typing import Any

import pytest

from watchword.config.auth_settings import AuthSettings, json_list
from watchword.config.settings import Settings, read
from watchword.errors import Unsafe


def refused(**values: Any) -> str:
    with pytest.raises(Unsafe) as refusal:
        read(**values)
    return str(refusal.value)


def test_an_issuer_ends_without_a_slash() -> None:
    assert read(issuer="https://auth.example.com/").issuer == "https://auth.example.com"


def test_an_issuer_is_a_url_in_ascii() -> None:
    issuer = read(issuer="https://münchen.example/über/").issuer
    assert issuer == "https://xn--mnchen-3ya.example/%C3%BCber"


@pytest.mark.parametrize(
    "domain",
    ["127.0.0.1", "https://example.com", "example.com:443", "a b", "☃.example"],
)
def test_passkeys_are_made_for_a_domain(domain: str) -> None:
    assert "RELYING_PARTY_ID " in refused(relying_party_id=domain)


def test_a_domain_for_passkeys_is_kept_as_browsers_write_it() -> None:
    assert read(relying_party_id="München.example").relying_party_id == "xn--mnchen-3ya.example"


@pytest.mark.parametrize("domain", ["", "localhost", "example.com", "xn--9ca.example", "a1.b2c"])
def test_a_domain_can_be_set_for_passkeys(domain: str) -> None:
    assert read(relying_party_id=domain).relying_party_id == domain


def test_a_list_is_json_or_a_list() -> None:
    assert json_list('["a", "b"]') == ["a", "b"]
    assert json_list(("a",)) == ("a",)
    for wrong in ("a,b", '{"a": 1}', "1", None):
        with pytest.raises(ValueError, match="must be a JSON list"):
            json_list(wrong)


def test_every_list_of_the_settings_is_checked() -> None:
    for name in ("trusted_issuers", "passkey_origins", "allowed_origins"):
        assert refused(**{name: "a,b"}).startswith(f"WATCHWORD_{name.upper()} must be a JSON list")
    assert issubclass(Settings, AuthSettings)
