"""The networks in which an address is counted, from one customer's to a whole site's. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address

PREFIXES = {64: 1, 56: 4, 48: 16}
"""The factor by which a limit is raised for an IPv6 network of each prefix length.

A site is given a /48 or a /56, and one customer at least a /64 (RFC 6177; RFC 4291, section 2.5.4). An
attacker with a /48 has 65,536 networks of /64, so the wider networks are counted too. Their limits are
higher, because a /48 may also contain many unrelated customers.
"""
_TRANSLATED = IPv6Network("64:ff9b::/96")
_TRANSLATED_HERE = IPv6Network("64:ff9b:1::/48")


@dataclass(frozen=True, slots=True)
class Network:
    """A network that is counted as a whole, and the factor by which a limit per address is raised for it."""

    name: str
    times: int = 1


# The cache of networks holds this many addresses, and no text longer than this: the longest IPv6 address with a
# zone. A proxy's header may name anything as the address.
MOST_CACHED = 4_096
LONGEST_CACHED = 64


def networks(address: str) -> tuple[Network, ...]:
    """Return the networks in which an address is counted, the narrowest first.

    An IPv4 address is one network, also when it is written as IPv6 (mapped, NAT64, 6to4). A text that is
    not an address gives one network of that name.
    """
    return (_cached if len(address) <= LONGEST_CACHED else _networks)(address)


def _networks(address: str) -> tuple[Network, ...]:
    try:
        found = ip_address(address)
    except ValueError:
        return (Network(address),)
    if isinstance(found, IPv4Address):
        return (Network(str(found)),)
    if (inner := _inner(found)) is not None:
        return (Network(str(inner)),)
    number = int(found)
    return tuple(
        Network(str(IPv6Network((number, prefix), strict=False)), times)
        for prefix, times in PREFIXES.items()
    )


_cached = lru_cache(MOST_CACHED)(_networks)


def _inner(address: IPv6Address) -> IPv4Address | IPv6Address | None:
    """Return the single host behind an IPv6 address of a transition mechanism, or None.

    If such a prefix were counted as one network, all of IPv4 behind it would share one limit.
    """
    if address.ipv4_mapped is not None:
        # RFC 4291, section 2.5.5.2.
        return address.ipv4_mapped
    if address in _TRANSLATED:
        # RFC 6052, section 2.1 (NAT64 and its relatives).
        return IPv4Address(int(address) & 0xFFFF_FFFF)
    if address in _TRANSLATED_HERE:
        # RFC 8215: the position of the IPv4 address depends on the network, so the whole address is the host.
        return address
    # RFC 3056, section 2 (6to4): a whole /48 belongs to one IPv4 address.
    return address.sixtofour
