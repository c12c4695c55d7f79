"""An unsafe registration is refused with a sentence that says why."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tests.support.identity import DOMAIN
from tests.support.oauth import APP, MACHINE, keyed
from watchword.domain import Domain
from watchword.errors import BadUserInput
from watchword.oauth.clients.registration import Registration, known_scopes
from watchword.tokens.keys import generate

SIGNER, KEY = keyed()
JWK: dict[str, Any] = KEY.jwk()
OTHER: dict[str, Any] = generate("ES256", 2048).jwk()


def refused(asked: Registration, domain: Domain = DOMAIN) -> BadUserInput:
    with pytest.raises(BadUserInput) as caught:
        asked.checked(domain)
    assert caught.value.extensions["path"][0] == "input"
    return caught.value


def test_what_is_good_is_sorted_and_single() -> None:
    asked = replace(MACHINE, scopes=["toys:count", "toys:all", "toys:count"], name="  Counter ")
    checked = asked.checked(DOMAIN)
    assert (checked.name, checked.scopes) == ("Counter", ["toys:all", "toys:count"])
    assert checked.checked(DOMAIN) == checked


@pytest.mark.parametrize(
    "uri",
    [
        "https://app.example/callback",
        "https://app.example:8443/callback?from=here",
        "https://app.example/callback?codes=1&from=code",
        "http://127.0.0.1/callback",
        "http://127.0.0.1:1234/callback",
        "http://[::1]:8080/",
        "http://localhost:3000/callback",
        "com.example.app:/callback",
        "com.example.app://callback",
    ],
)
def test_a_person_may_be_sent_there(uri: str) -> None:
    assert replace(APP, redirect_uris=[uri]).checked(DOMAIN).redirect_uris == [uri]


@pytest.mark.parametrize(
    "uri",
    [
        "",
        "/callback",
        "//evil.example/callback",
        "http://app.example/callback",
        "http://127.0.0.1.evil.example/",
        "http://localhost.evil.example/",
        "https:///callback",
        "https://",
        "https:app.example",
        "https://user@app.example/",
        "https://app.example@evil.example/",
        "https://app.example/#fragment",
        "https://app.example/#",
        "https://*.example/callback",
        "https://app.example/*",
        "https://app.example/\\evil.example",
        "https://app.example/ callback",
        "https://app.example/\ncallback",
        "https://app.example/\x00",
        "https://app.example/ümlaut",
        "https://app.example/<script>",
        'https://app.example/"',
        "https://app.example:99999/",
        "https://[::1/",
        "https://app.example/" + "x" * 2000,
        "javascript:alert(1)",
        "data:text/html,hello",
        "vbscript:x",
        "file:///etc/passwd",
        "app:/callback",
        "https://app.example/callback?code=x",
        "https://app.example/callback?from=here&c%6Fde=x",
        "https://app.example/callback?iss=https://evil.example",
        "https://app.example/callback?state",
        "http://127.0.0.1/callback?error=",
        "com.example.app:/callback?error_description=x",
        "https://app.example/callback?error_uri=x",
        "about:blank",
        "\ud800",
    ],
)
def test_nobody_is_sent_there(uri: str) -> None:
    error = refused(replace(APP, redirect_uris=[*APP.redirect_uris, uri]))
    assert error.extensions["path"] == ["input", "redirectUris", 1]


def test_a_host_with_letters_beyond_ascii_is_told_how_to_write_it() -> None:
    error = refused(replace(APP, redirect_uris=["https://münchen.example/callback"]))
    assert "write its host as xn--" in error.message


@pytest.mark.parametrize(
    ("asked", "path"),
    [
        (replace(MACHINE, name=" "), "name"),
        (replace(MACHINE, name="x" * 201), "name"),
        (replace(MACHINE, name="good\u202eexe.bad"), "name"),
        (replace(MACHINE, name="two\nlines"), "name"),
        (replace(MACHINE, name="half\ud83d"), "name"),
        (replace(MACHINE, grants=[]), "grants"),
        (replace(MACHINE, grants=["password"]), "grants"),
        (replace(MACHINE, grants=["refresh_token"], roles=[]), "grants"),
        (replace(MACHINE, scopes=[]), "scopes"),
        (replace(MACHINE, scopes=["toys:none"]), "scopes"),
        (replace(MACHINE, roles=["king"]), "roles"),
        (replace(MACHINE, authentication="client_secret_jwt"), "authentication"),
        (replace(MACHINE, redirect_uris=["https://app.example/"]), "redirectUris"),
        (replace(MACHINE, authentication="none"), "grants"),
        (replace(APP, may_introspect=True), "mayIntrospect"),
        (replace(APP, roles=["keeper"]), "roles"),
        (replace(APP, redirect_uris=[]), "redirectUris"),
        (
            replace(APP, redirect_uris=[f"https://app.example/{n}" for n in range(21)]),
            "redirectUris",
        ),
        (replace(APP, jwks={"keys": [JWK]}), "jwks"),
        (replace(MACHINE, jwks={"keys": [JWK]}), "jwks"),
        (replace(SIGNER, jwks=None), "jwks"),
        (replace(SIGNER, jwks={"keys": []}), "jwks"),
        (replace(SIGNER, jwks={"keys": [JWK, JWK]}), "jwks"),
        (replace(SIGNER, jwks={"keys": [JWK | {"d": "AAAA"}]}), "jwks"),
        (replace(SIGNER, jwks={"keys": [JWK, JWK | {"d": "AAAA", "kid": "2"}]}), "jwks"),
        (replace(SIGNER, jwks={"keys": [JWK | {"use": "enc"}]}), "jwks"),
        (replace(SIGNER, jwks={"keys": [JWK, OTHER | {"kid": JWK["kid"]}]}), "jwks"),
        (replace(SIGNER, jwks={"keys": [JWK | {"use": "enc", "d": "AAAA"}, OTHER]}), "jwks"),
        (
            replace(SIGNER, jwks={"keys": [{k: v for k, v in JWK.items() if k != "kid"}]}),
            "jwks",
        ),
        (replace(SIGNER, jwks={"keys": [JWK | {"kid": 1}]}), "jwks"),
        (replace(SIGNER, jwks={"keys": [JWK | {"kid": "x" * 201}]}), "jwks"),
        (replace(SIGNER, jwks={"keys": [JWK | {"kid": "a\x00b"}]}), "jwks"),
        (replace(SIGNER, jwks={"keys": [{"kty": "oct", "k": "AAAA", "kid": "a"}]}), "jwks"),
        (replace(SIGNER, jwks={"keys": [JWK | {"kid": str(n)} for n in range(11)]}), "jwks"),
        (replace(SIGNER, jwks={"keys": 1}), "jwks"),
    ],
)
def test_what_is_not_safe_is_refused(asked: Registration, path: str) -> None:
    assert refused(asked).extensions["path"] == ["input", path]


@pytest.mark.parametrize("jwks", ["text", 1, [], True, {"keys": [1, None, "a"]}])
def test_no_key_set_of_any_type_does_harm(jwks: Any) -> None:
    assert refused(replace(SIGNER, jwks=jwks)).extensions["path"] == ["input", "jwks"]


def test_of_a_key_only_what_is_public_and_known_is_kept() -> None:
    shown = JWK | {"x5c": ["AAAA"], "x5u": "https://evil.example/", "note": "secret"}
    checked = replace(SIGNER, jwks={"keys": [shown], "more": 1}).checked(DOMAIN)
    assert checked.jwks == {"keys": [JWK]}


def test_keys_for_something_else_are_not_kept_and_those_of_another_kind_may_have_the_same_id() -> (
    None
):
    twin = generate("RS256", 2048).jwk() | {"kid": JWK["kid"]}
    sets = {"keys": [JWK | {"use": "enc"}, JWK, twin, {**twin, "key_ops": ["encrypt"]}]}
    assert replace(SIGNER, jwks=sets).checked(DOMAIN).jwks == {"keys": [JWK, twin]}


def test_short_rsa_keys_are_refused() -> None:
    weak = generate("RS256", 2048).jwk() | {"n": "AQAB" * 43}
    refused(replace(SIGNER, jwks={"keys": [weak]}))


def test_a_domain_without_roles_leaves_scopes_to_who_checks_them() -> None:
    free = Domain()
    assert replace(MACHINE, scopes=["anything:goes"]).checked(free).scopes == ["anything:goes"]
    for scope in ("", "two words", 'quo"te', "back\\slash", "ümlaut", "x" * 201):
        assert refused(replace(MACHINE, scopes=[scope]), free).extensions["path"][1] == "scopes"


def test_all_scopes_are_known_that_a_role_gives_or_a_description_tells_of() -> None:
    domain = replace(DOMAIN, descriptions={"toys:see": "See toys"})
    assert known_scopes(domain) == {"toys:all", "toys:count", "toys:see"}


def test_a_resource_server_may_only_introspect() -> None:
    asked = Registration("Gateway", may_introspect=True)
    assert asked.checked(DOMAIN).grants == []
