"""A running server is named by its URL, and its token is not shown."""

from __future__ import annotations

import pytest

from watchword.cli.running_server import Asked, checked_url
from watchword.errors import Unsafe


@pytest.mark.parametrize(
    "url",
    [
        "api.example.com",
        "ftp://a",
        "https://",
        "https://a:b@c",
        "https://a?x=1",
        "http://[",
        "http://a:x",
    ],
)
def test_an_url_that_is_none_is_refused(url: str) -> None:
    with pytest.raises(Unsafe, match="--url is the address"):
        checked_url(url)


def test_the_token_is_not_shown() -> None:
    assert "s3cret" not in repr(Asked("https://api.example.com", token="s3cret"))
