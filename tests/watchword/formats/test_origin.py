"""Origins are accepted as people write them, and stored and compared as browsers send them."""

from __future__ import annotations

import pytest

from watchword.formats.origin import ascii_host, is_among, normalised, of_url


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ("https://app.example.com", "https://app.example.com"),
        ("https://app.example.com/", "https://app.example.com"),
        ("HTTPS://App.Example.com", "https://app.example.com"),
        ("https://app.example.com:443", "https://app.example.com"),
        ("http://localhost:80", "http://localhost"),
        ("http://localhost:", "http://localhost"),
        ("https://localhost:80", "https://localhost:80"),
        ("http://localhost:03000", "http://localhost:3000"),
        ("http://127.0.0.1:3000", "http://127.0.0.1:3000"),
        ("http://[::1]:3000", "http://[::1]:3000"),
        ("http://[0:0:0:0:0:0:0:1]:80", "http://[::1]"),
        ("https://[2001:DB8:0:0:1:0:0:1]", "https://[2001:db8::1:0:0:1]"),
        ("https://my_host.example", "https://my_host.example"),
        ("https://münchen.example", "https://xn--mnchen-3ya.example"),
        ("https://MÜNCHEN.example", "https://xn--mnchen-3ya.example"),
        # Python's own codec (IDNA 2003) would turn this into fass.example, which is another host.
        ("https://faß.example", "https://xn--fa-hia.example"),
        ("capacitor://localhost", "capacitor://localhost"),
        ("ionic://localhost/", "ionic://localhost"),
        ("tauri://localhost", "tauri://localhost"),
        ("app://obsidian.md", "app://obsidian.md"),
        ("app://.", "app://."),
        ("app://", "app://"),
        ("chrome-extension://abcdefghijklmnopabcdefghijklmnop",) * 2,
        (
            "safari-web-extension://1B2C3D4E-0000-4000-8000-1234567890AB",
            "safari-web-extension://1b2c3d4e-0000-4000-8000-1234567890ab",
        ),
    ],
)
def test_an_origin_is_kept_as_browsers_write_it(written: str, kept: str) -> None:
    assert normalised(written) == kept
    assert normalised(kept) == kept
    assert is_among(written, [kept])


@pytest.mark.parametrize(
    ("written", "advice"),
    [
        ("null", "serve yours from an address"),
        ("", "write scheme://host[:port]"),
        ("app.example.com", "write scheme://host[:port]"),
        ("localhost:3000", "write scheme://host[:port]"),
        (" https://app.example.com", "write scheme://host[:port]"),
        ("https://app.example.com/path", "write https://app.example.com and no more"),
        ("https://App.example.com:443?", "write https://app.example.com and no more"),
        ("https://app.example.com#a", "write https://app.example.com and no more"),
        ("https://alice:secret@app.example.com", "without user or password"),
        ("https://alice@app.example.com", "without user or password"),
        ("https://", "names no host"),
        ("http://:3000", "names no host"),
        ("https://[::1", "write scheme://host[:port]"),
        ("https://[::g]", "no IPv6 address"),
        ("https://[fe80::1%eth0]", "no IPv6 address"),
        ("https://app.example.com:99999", "at most 65535"),
        ("https://app.example.com:http", "write scheme://host[:port]"),
        ("https://a b.example", "a character that no host has"),
        ("https://a.example\n", "a character that no host has"),
        ("https://*.example.com", "a character that no host has"),
        ("https://☃.example", "no domain name"),
        ("https://a.example, https://b.example", "a character that no host has"),
        ("file:///home", "no page comes from file:"),
        ("wss://app.example.com", "no page comes from wss:"),
        ("blob:https://app.example.com", "write scheme://host[:port]"),
    ],
)
def test_what_is_no_origin_is_refused_with_advice(written: str, advice: str) -> None:
    with pytest.raises(ValueError, match="^(is|has|names) ") as refused:
        normalised(written)
    assert advice in str(refused.value)
    assert not is_among(written, ["https://app.example.com"])


@pytest.mark.parametrize(
    ("url", "origin"),
    [
        ("https://Id.Example.com:443/tenant", "https://id.example.com"),
        ("http://[::1]:8000/a://b", "http://[::1]:8000"),
        ("https://id.example.com?x=y", "https://id.example.com"),
    ],
)
def test_a_url_has_an_origin(url: str, origin: str) -> None:
    assert of_url(url) == origin


def test_another_scheme_host_or_port_is_another_origin() -> None:
    ours = ["https://app.example.com", "capacitor://localhost"]
    others = ("http://app.example.com", "https://app.example.com:8443", "https://app.example.com.")
    for origin in (
        *others,
        "https://app.example.co",
        "ionic://localhost",
        "capacitor://localhost:1",
    ):
        assert not is_among(origin, ours)


def test_a_host_is_looked_up_in_lower_case_and_ascii() -> None:
    assert ascii_host("Straße.Example") == "xn--strae-oqa.example"
    assert ascii_host("Example.com") == "example.com"
    with pytest.raises(ValueError, match="no domain name"):
        ascii_host("☃")
