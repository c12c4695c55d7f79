"""Redirect URIs are compared character by character; only a loopback port may differ."""

from __future__ import annotations

import pytest

from watchword.oauth.clients.redirect_uri import is_for_one_host, is_registered, with_answer

REGISTERED = [
    "https://app.example/callback",
    "https://app.example/other?x=1",
    "http://127.0.0.1/cb",
    "http://[::1]:7777/cb",
    "http://localhost:3000",
    "com.example.app:/cb",
]


@pytest.mark.parametrize("uri", REGISTERED)
def test_what_is_registered_is_good(uri: str) -> None:
    assert is_registered(uri, REGISTERED)


@pytest.mark.parametrize(
    "uri",
    [
        "http://127.0.0.1:49152/cb",
        "http://127.0.0.1:1/cb",
        "http://127.0.0.1:65535/cb",
        "http://[::1]/cb",
        "http://[::1]:1234/cb",
        "http://localhost:3001",
        "http://localhost",
    ],
)
def test_a_loopback_address_has_any_port(uri: str) -> None:
    assert is_registered(uri, REGISTERED)


@pytest.mark.parametrize(
    "uri",
    [
        "",
        "https://app.example/callback/",
        "https://app.example/callback?",
        "https://app.example/callback#",
        "https://app.example/callback?x=1",
        "https://app.example/Callback",
        "https://APP.example/callback",
        "HTTPS://app.example/callback",
        "http://app.example/callback",
        "https://app.example:443/callback",
        "https://app.example:8443/callback",
        "https://app.example/callback/../evil",
        "https://app.example/%63allback",
        "https://app.example.evil.example/callback",
        "https://app.example@evil.example/callback",
        "https://evil.example/https://app.example/callback",
        "https://evil.example\\@app.example/callback",
        "//app.example/callback",
        "javascript:alert(1)",
        "data:text/html,x",
        "http://127.0.0.1:80@evil.example/cb",
        "http://127.0.0.1:0/cb",
        "http://127.0.0.1:65536/cb",
        "http://127.0.0.1:999999/cb",
        "http://127.0.0.1:/cb",
        "http://127.0.0.1:٣٣/cb",
        "http://127.0.0.1.evil.example/cb",
        "http://127.0.0.2:1234/cb",
        "http://127.1:1234/cb",
        "http://0.0.0.0:1234/cb",
        "https://127.0.0.1:1234/cb",
        "http://127.0.0.1:1234/cb/more",
        "http://127.0.0.1:1234/cb\n",
        "http://127.0.0.1:1234",
        "http://localhost:3000/cb",
        "com.example.app:/cb2",
        "com.example.app://cb",
    ],
)
def test_nothing_else_is(uri: str) -> None:
    assert not is_registered(uri, REGISTERED)


def test_an_answer_goes_beside_what_is_in_the_query() -> None:
    answer = {"code": "a b&c", "state": "#é"}
    assert with_answer("https://a/cb", answer) == "https://a/cb?code=a+b%26c&state=%23%C3%A9"
    assert with_answer("https://a/cb?x=1", {"code": "a"}) == "https://a/cb?x=1&code=a"


def test_only_https_is_for_one_host() -> None:
    assert is_for_one_host("https://app.example/cb")
    assert not is_for_one_host("http://127.0.0.1/cb")
    assert not is_for_one_host("com.example.app:/cb")
