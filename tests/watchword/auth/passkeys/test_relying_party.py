"""The relying party: the issuer's host or a parent domain, with the origins that are allowed."""

from __future__ import annotations

import pytest

from watchword.auth.passkeys.relying_party import relying_party
from watchword.config.settings import Settings
from watchword.errors import BadUserInput


def made(**settings: object) -> tuple[str, tuple[str, ...]]:
    party = relying_party(Settings(_env_file=None, **settings))
    return party.id, party.origins


def test_it_is_the_issuers_host_and_origin() -> None:
    assert made(issuer="https://id.example.com/tenant") == (
        "id.example.com",
        ("https://id.example.com",),
    )


@pytest.mark.parametrize(
    ("issuer", "origin"),
    [
        ("https://Id.Example.com:443", "https://id.example.com"),
        ("https://id.example.com:8443", "https://id.example.com:8443"),
        ("http://localhost:80", "http://localhost"),
        ("http://localhost:8000", "http://localhost:8000"),
    ],
)
def test_its_origin_is_written_as_browsers_write_it(issuer: str, origin: str) -> None:
    assert made(issuer=issuer)[1] == (origin,)


def test_other_front_ends_and_apps_are_named() -> None:
    app = "android:apk-key-hash:abc"
    settings = {"allowed_origins": ["https://app.example.com"], "passkey_origins": [app]}
    _, origins = made(issuer="https://id.example.com", **settings)
    assert origins == ("https://id.example.com", "https://app.example.com", app)


def test_a_domain_above_can_be_set() -> None:
    assert made(issuer="https://id.example.com", relying_party_id="example.com")[0] == "example.com"


@pytest.mark.parametrize("issuer", ["http://127.0.0.1:8000", "http://[::1]:8000"])
def test_an_address_is_refused_in_a_sentence_that_says_what_to_do(issuer: str) -> None:
    with pytest.raises(BadUserInput, match="WATCHWORD_ISSUER"):
        made(issuer=issuer)
