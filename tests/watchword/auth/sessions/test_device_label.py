"""The label of a device, made from its User-Agent."""

from __future__ import annotations

import pytest

from watchword.auth.sessions.device_label import label

_MOZILLA = "Mozilla/5.0 "


@pytest.mark.parametrize(
    ("user_agent", "expected"),
    [
        (
            f"{_MOZILLA}(X11; Linux x86_64; rv:130.0) Gecko/20100101 Firefox/130.0",
            "Firefox on Linux",
        ),
        (
            f"{_MOZILLA}(Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko)"
            " Version/17.5 Safari/605.1.15",
            "Safari on macOS",
        ),
        (
            f"{_MOZILLA}(Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko)"
            " Chrome/128.0.0.0 Safari/537.36 Edg/128.0.0.0",
            "Edge on Windows",
        ),
        (
            f"{_MOZILLA}(Linux; Android 14; Pixel 8) AppleWebKit/537.36 (KHTML, like Gecko)"
            " Chrome/128.0.0.0 Mobile Safari/537.36",
            "Chrome on Android",
        ),
        (
            f"{_MOZILLA}(iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like"
            " Gecko) CriOS/128.0 Mobile/15E148 Safari/604.1",
            "Chrome on iPhone",
        ),
        ("python-httpx2/2.16", "python-httpx2/2.16"),
        ("Mozilla/5.0 (compatible; something)", "Mozilla/5.0 (compatible; something)"),
        ("", ""),
        (" a\x00b\x1b[31m\n ", "ab[31m"),
        ("x" * 500, "x" * 200),
    ],
)
def test_a_browser_is_named_and_the_rest_is_what_it_says(user_agent: str, expected: str) -> None:
    assert label(user_agent) == expected
