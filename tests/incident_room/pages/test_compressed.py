"""Bodies are compressed for clients that take them so, and only where it is a gain."""

from __future__ import annotations

import gzip
import os

import pytest

from incident_room.pages.compressed import LEAST_BYTES, gzipped, takes_gzip


@pytest.mark.parametrize(
    ("accepted", "expected"),
    [
        ("gzip, deflate, br, zstd", True),
        ("br;q=1.0, GZIP;q=0.8, *;q=0.1", True),
        ("*", True),
        ("gzip;q=0.001", True),
        ("", False),
        ("br", False),
        ("identity", False),
        ("gzip;q=0, *", False),
        ("gzip; q=0.000", False),
        ("*;q=0", False),
        ("xgzip", False),
    ],
)
def test_a_client_says_whether_it_takes_gzip(accepted: str, expected: bool) -> None:
    assert takes_gzip(accepted) is expected


def test_a_body_is_compressed_the_same_way_each_time_and_only_for_a_gain() -> None:
    body = b"We are looking. " * 1_000
    made = gzipped(body)
    assert made is not None
    assert (gzip.decompress(made), gzipped(body)) == (body, made)
    assert gzipped(b" " * (LEAST_BYTES - 1)) is None
    assert gzipped(os.urandom(5_000)) is None
