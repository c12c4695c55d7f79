"""A bus URL names hosts and ports; an invalid one is refused with a sentence."""

from __future__ import annotations

from urllib.parse import urlsplit

import pytest

from watchword.config.bus_url import PORT, between_processes, check, hosts


@pytest.mark.parametrize(
    "url",
    [
        "memory://", "redis://here", "redis://:secret@here:1/2", "rediss://here:6380",
        "unix:///run/redis.sock", "redis+sentinel://one:26379,two/service",
        "redis+cluster://user:secret@one,two:7000",
    ],
)  # fmt: skip
def test_a_url_that_names_a_bus_is_good(url: str) -> None:
    check(url)
    assert between_processes(url) == (url != "memory://")


@pytest.mark.parametrize(
    "url",
    [
        "", "http://here", "here:6379", "memory:", "redis://", "redis://here:port",
        "redis+cluster://", "redis+cluster://one,,two", "redis+sentinel://one:26379",
        "redis+sentinel://one:99999/service", "redis+cluster://one:port",
    ],
)  # fmt: skip
def test_one_that_does_not_is_told_what_to_write(url: str) -> None:
    with pytest.raises(ValueError, match=r"^must (be|name) "):
        check(url)


def test_hosts_are_read_with_their_ports() -> None:
    parts = urlsplit("redis+cluster://u:p@one,two:7000,[::1]:7001")
    assert hosts(parts, PORT) == [("one", 6379), ("two", 7000), ("::1", 7001)]
