"""The consent page escapes all text, and runs no script but its own."""

from __future__ import annotations

import base64
import hashlib
import re

import pytest

from tests.support.authorization import challenge
from watchword.oauth.authorize.authorization import AuthorizationRequest, ReturnAddress
from watchword.oauth.authorize.consent_page import page, problem
from watchword.oauth.tables import Client


def shown(name: str = "Toys", uri: str = "https://app.example/cb") -> tuple[str, str]:
    address = ReturnAddress(Client(id="a", name=name), uri, "https://issuer.example", "a state")
    response = page(AuthorizationRequest(address, frozenset({"toys:count"}), challenge()))
    return bytes(response.body).decode(), response.headers["content-security-policy"]


def test_the_policy_lets_only_its_own_script_and_style_run() -> None:
    document, policy = shown()
    for element, directive in (("script", "script-src"), ("style", "style-src")):
        (source,) = re.findall(rf"<{element}>(.*?)</{element}>", document, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(source.encode()).digest()).decode()
        assert f"{directive} 'sha256-{digest}'" in policy
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "form-action 'none'" in policy
    assert "unsafe" not in policy


@pytest.mark.parametrize("response", ["page", "problem"])
def test_nobody_frames_keeps_or_tells_of_it(response: str) -> None:
    address = ReturnAddress(Client(id="a", name="Toys"), "https://a/cb", "https://i")
    asked = AuthorizationRequest(address, frozenset({"toys:count"}), challenge())
    headers = (page(asked) if response == "page" else problem("No.")).headers
    assert headers["x-frame-options"] == "DENY"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["cache-control"] == "no-store"
    assert headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize(("anew", "said"), [(True, "true"), (False, "false")])
def test_it_knows_whether_to_ask_for_a_new_sign_in(anew: bool, said: str) -> None:
    address = ReturnAddress(Client(id="a", name="Toys"), "https://a/cb", "https://i")
    asked = AuthorizationRequest(address, frozenset({"toys:count"}), challenge(), anew=anew)
    assert f'data-anew="{said}"' in bytes(page(asked).body).decode()


def test_text_is_only_text() -> None:
    evil = "</title><script>alert(1)</script>{script}\"'&"
    document, _ = shown(name=evil)
    assert "<script>alert" not in document
    assert document.count("<script>") == 1
    assert "&lt;script&gt;alert(1)&lt;/script&gt;{script}&quot;&#x27;&amp;" in document
    assert "<b>" not in bytes(problem("<b>").body).decode()


@pytest.mark.parametrize(
    ("uri", "words"),
    [
        ("https://app.example:8443/cb", "app.example:8443"),
        ("http://127.0.0.1:1234/cb", "an application on this device"),
        ("com.example.app:/cb", "an application on this device (com.example.app)"),
    ],
)
def test_it_says_where_one_goes_back_to(uri: str, words: str) -> None:
    document, _ = shown(uri=uri)
    assert f"You go back to <strong>{words}</strong>" in document


def test_every_field_has_a_label() -> None:
    document, _ = shown()
    for field in re.findall(r"<input[^>]*>", document):
        before = document[: document.index(field)]
        assert before.rindex("<label") > before.rfind("</label>")
