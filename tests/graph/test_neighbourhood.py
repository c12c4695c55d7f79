"""What of an address is counted: all of it, or the network that one customer has."""

from __future__ import annotations

import pytest

from graph.neighbourhood import neighbourhood


@pytest.mark.parametrize(
    ("address", "place"),
    [
        ("203.0.113.7", "203.0.113.7"),
        ("2001:db8:1:2::", "2001:db8:1:2::/64"),
        ("2001:DB8:1:2:ffff:ffff:ffff:ffff", "2001:db8:1:2::/64"),
        ("2001:db8:1:3::", "2001:db8:1:3::/64"),
        ("::ffff:203.0.113.7", "203.0.113.7"),
        ("::ffff:cb00:7107", "203.0.113.7"),
        ("fe80::1%eth0", "fe80::/64"),
        ("::1", "::/64"),
    ],
)
def test_one_customer_counts_as_one(address: str, place: str) -> None:
    assert neighbourhood(address) == place


@pytest.mark.parametrize(
    "address",
    ["", "testclient", "/run/a.socket", "203.0.113.7:80", "2001:db8::g", "\x00", "7" * 64],
)
def test_what_is_no_address_stands_for_itself(address: str) -> None:
    assert neighbourhood(address) == address
