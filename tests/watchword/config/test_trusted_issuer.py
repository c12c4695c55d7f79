"""Entries of trusted issuers: an unsafe one is refused at the start with a sentence."""

from __future__ import annotations

import json
from typing import Any

import pytest

from watchword.config.settings import read
from watchword.config.trusted_issuer import TrustedIssuer, is_safe
from watchword.errors import Unsafe

GOOD = {"name": "idp", "issuer": "https://idp.example/realms/one", "audience": "us"}


def refusal(*entries: Any, **settings: Any) -> str:
    with pytest.raises(Unsafe) as refused:
        read(trusted_issuers=json.dumps(entries), **settings)
    return str(refused.value)


def test_a_short_entry_is_enough() -> None:
    (entry,) = read(trusted_issuers=json.dumps([GOOD])).trusted_issuers
    assert entry.types == ("at+jwt",)
    assert entry.algorithms == ("RS256", "ES256")
    assert entry.places == {"idp.example:443"}


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"issuer": "http://idp.example"}, "https"),
        ({"issuer": "https://user:secret@idp.example"}, "https"),
        ({"issuer": "https://idp.example#x"}, "https"),
        ({"issuer": "https://"}, "https"),
        ({"issuer": "ftp://127.0.0.1"}, "https"),
        ({"issuer": "https://idp.example?x"}, "query"),
        ({"issuer": ""}, "https"),
        ({"issuer": "https://idp.example/" + "x" * 481}, "500"),
        ({"jwks_url": "http://idp.example/keys"}, "https"),
        ({"name": "Idp One"}, "lower-case"),
        ({"name": ""}, "lower-case"),
        ({"audience": ""}, "at least 1"),
        ({"algorithms": ["HS256"]}, "RS256"),
        ({"algorithms": ["none"]}, "RS256"),
        ({"algorithms": []}, "at least 1"),
        ({"types": ["JWT"]}, "required_claims"),
        ({"types": ["at+jwt", None]}, "required_claims"),
        ({"hosts": ["https://other.example/"]}, "host"),
        ({"rolls": "roles"}, "Extra"),
        ({"accounts": "always"}, "create"),
    ],
)
def test_an_entry_that_is_unsafe_is_refused(changes: dict[str, Any], sentence: str) -> None:
    said = refusal(GOOD | changes)
    assert said.startswith("WATCHWORD_TRUSTED_ISSUERS")
    assert sentence in said


def test_what_is_no_list_of_entries_is_refused() -> None:
    for text in ("x", "{}", '["https://idp.example"]', "[1]", "[null]"):
        with pytest.raises(Unsafe, match="WATCHWORD_TRUSTED_ISSUERS"):
            read(trusted_issuers=text)


def test_two_entries_of_one_name_or_issuer_are_refused() -> None:
    assert "same issuer" in refusal(GOOD, GOOD | {"name": "other"})
    assert "same name" in refusal(GOOD, GOOD | {"issuer": "https://other.example"})


def test_the_server_itself_is_not_another_issuer() -> None:
    assert "itself" in refusal(
        GOOD | {"issuer": "https://we.example/"}, issuer="https://we.example"
    )


@pytest.mark.parametrize(
    "url",
    [
        "https://idp.example:444/keys", "https://idp.example.evil.example/keys", "http://idp.example/keys",
        "https://evil.example\\@idp.example/keys", "https://idp.example@evil.example/keys",
        "https://evil.example#@idp.example/", "//idp.example/keys", "/keys", "file:///etc/passwd", "",
        "https://idp.example:0/", "https://idp.example:99999/", "https://[idp.example/", "https://idp.exämple/",
        "https://idp.example /keys", "https://idp.example/\nkeys", "https://127.0.0.1/keys",
        "http://127.0.0.1:443/keys", "https://169.254.169.254/latest",
    ],
)  # fmt: skip
def test_nothing_is_fetched_from_another_place(url: str) -> None:
    assert not is_safe(url, TrustedIssuer.model_validate(GOOD).places)


@pytest.mark.parametrize("url", ["https://idp.example/k", "https://IDP.example:443/k?x=1"])
def test_the_configured_place_is_one_however_it_is_written(url: str) -> None:
    assert is_safe(url, TrustedIssuer.model_validate(GOOD).places)


def test_another_host_must_be_named() -> None:
    entry = TrustedIssuer.model_validate(GOOD | {"hosts": ["keys.example", "k.example:8443"]})
    assert is_safe("https://keys.example/k", entry.places)
    assert is_safe("https://k.example:8443/k", entry.places)
    assert not is_safe("https://k.example/k", entry.places)
