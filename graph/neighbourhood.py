"""Neighbourhoods: what of a network address tells one customer from another. Pure."""

from __future__ import annotations

from ipaddress import IPv6Network, ip_address

PREFIX = 64
"""The part of an IPv6 address that one customer has for itself (RFC 6177; RFC 4291, section 2.5.4)."""


def neighbourhood(address: str) -> str:
    """Return what stands for an address wherever addresses are counted.

    Whoever has IPv6 has 2^64 addresses, which count as one; IPv4 is the same however a socket writes
    it (RFC 4291, section 2.5.5.2). What is no address stands for itself.
    """
    try:
        found = ip_address(address)
    except ValueError:
        return address
    if found.version == 4:
        return str(found)
    if found.ipv4_mapped is not None:
        return str(found.ipv4_mapped)
    return str(IPv6Network((int(found), PREFIX), strict=False))
