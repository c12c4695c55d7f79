"""The networks in which an address is counted: the address itself, or those of a customer and a site."""

from __future__ import annotations

import pytest

from watchword.throttling import ip_prefix
from watchword.throttling.ip_prefix import LONGEST_CACHED, MOST_CACHED, networks

SITE = [("2001:db8:1:2::/64", 1), ("2001:db8:1::/56", 4), ("2001:db8:1::/48", 16)]


def found(address: str) -> list[tuple[str, int]]:
    return [(network.name, network.times) for network in networks(address)]


@pytest.mark.parametrize("address", ["2001:db8:1:2::", "2001:DB8:1:2:ffff:ffff:ffff:ffff"])
def test_a_customer_and_its_site_are_counted_with_growing_bounds(address: str) -> None:
    assert found(address) == SITE


def test_customers_of_one_site_meet_in_the_wider_networks_only() -> None:
    assert found("2001:db8:1:3::")[0] == ("2001:db8:1:3::/64", 1)
    assert found("2001:db8:1:3::")[1:] == SITE[1:]
    assert found("2001:db8:1:ff00::")[2] == SITE[2]
    assert not set(found("2001:db8:2:2::")) & set(SITE)


@pytest.mark.parametrize(
    ("address", "host"),
    [
        ("203.0.113.7", "203.0.113.7"),
        ("::ffff:203.0.113.7", "203.0.113.7"),
        ("::ffff:cb00:7107", "203.0.113.7"),
        ("64:ff9b::203.0.113.7", "203.0.113.7"),
        ("64:ff9b::cb00:7107", "203.0.113.7"),
        ("64:ff9b:1:2::cb00:7107", "64:ff9b:1:2::cb00:7107"),
        ("2002:cb00:7107:1::1", "203.0.113.7"),
    ],
)
def test_one_host_of_ipv4_is_one_however_it_is_written_or_translated(
    address: str, host: str
) -> None:
    assert found(address) == [(host, 1)]


@pytest.mark.parametrize(("address", "network"), [("fe80::1%eth0", "fe80::/64"), ("::1", "::/64")])
def test_addresses_of_a_link_and_of_this_machine_are_networks_too(
    address: str, network: str
) -> None:
    assert found(address)[0] == (network, 1)


@pytest.mark.parametrize(
    "address",
    ["", "testclient", "/run/a.socket", "203.0.113.7:80", "2001:db8::g", "\x00", "7" * 64],
)
def test_a_text_that_is_no_address_is_returned(address: str) -> None:
    assert found(address) == [(address, 1)]


def test_the_cache_of_networks_is_bounded_in_number_and_in_the_length_of_an_address() -> None:
    for number in range(MOST_CACHED + 10):
        networks(f"10.0.{number // 256}.{number % 256}")
    assert ip_prefix._cached.cache_info().currsize == MOST_CACHED
    before = ip_prefix._cached.cache_info()
    long = "x" * (LONGEST_CACHED + 1)
    assert found(long) == [(long, 1)]
    assert ip_prefix._cached.cache_info() == before
