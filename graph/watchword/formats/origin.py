"""Reads the origins of web pages, both from settings and from requests. Pure.

An origin is normalised to what browsers send (RFC 6454, section 6.2): in lower case, the host in ASCII
(UTS 46), an IPv6 address in its shortest form (RFC 5952), and without the scheme's default port.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from ipaddress import AddressValueError, IPv6Address

import idna

_PORTS = {"http": 80, "https": 443}
_SCHEME = re.compile(r"[a-z][a-z0-9+.-]*", re.ASCII)
_HOST = re.compile(r"[a-z0-9._~-]*", re.ASCII)
_AUTHORITY = re.compile(r"(?P<host>\[[^\]]*\]|[^:\[\]]*)(?::(?P<port>[0-9]{0,5}))?", re.ASCII)
# Pages with these schemes have the origin "null", or none.
_NO_PAGES = {"file", "ftp", "ws", "wss", "data", "blob", "about", "javascript"}


def normalised(text: str) -> str:
    """Return an origin as browsers write it. Raises `ValueError` with what to write instead."""
    if text == "null":
        raise ValueError(
            "is what every page in a sandbox and every local file is called, so any page can be: serve"
            " yours from an address or under a scheme of its own, and name that"
        )
    scheme, is_there, rest = text.partition("://")
    scheme = scheme.lower()
    if not is_there or not _SCHEME.fullmatch(scheme):
        raise ValueError(
            "is no origin: write scheme://host[:port], such as https://app.example.com"
        )
    if scheme in _NO_PAGES:
        raise ValueError(f"is no origin of a page: no page comes from {scheme}:")
    authority = re.split(r"[/?#]", rest, maxsplit=1)[0]
    origin = f"{scheme}://{_authority(scheme, authority)}"
    if rest.removeprefix(authority) not in ("", "/"):
        raise ValueError(f"is more than an origin: write {origin} and no more")
    return origin


def of_url(url: str) -> str:
    """Return the origin of an http or https URL. Raises `ValueError` if it has none."""
    scheme, _, rest = url.partition("://")
    return normalised(f"{scheme}://{re.split(r'[/?#]', rest, maxsplit=1)[0]}")


def is_among(origin: str, origins: Collection[str]) -> bool:
    """Tell whether a request's origin is one of `origins`, which are normalised already."""
    if origin in origins:
        return True
    try:
        return normalised(origin) in origins
    except ValueError:
        return False


def ascii_host(host: str) -> str:
    """Return a host name in lower case and in ASCII, as in DNS. Raises `ValueError`."""
    if host.isascii():
        return host.lower()
    try:
        # As browsers do (URL standard, "domain to ASCII"). Python's own codec implements IDNA 2003.
        return idna.encode(host, uts46=True).decode()
    except idna.IDNAError as error:
        raise ValueError(f"has a host that is no domain name: {error}") from error


def _authority(scheme: str, authority: str) -> str:
    found = _AUTHORITY.fullmatch(authority)
    if found is None or "@" in authority:
        raise ValueError("is no origin: write scheme://host[:port], without user or password")
    host, port = _host(found["host"]), found["port"]
    if scheme in _PORTS and not host:
        raise ValueError("names no host: write scheme://host[:port]")
    if not port or int(port) == _PORTS.get(scheme):
        return host
    if int(port) > 65535:
        raise ValueError("has a port that is none: it is at most 65535")
    return f"{host}:{int(port)}"


def _host(host: str) -> str:
    if host.startswith("["):
        if "%" in host:
            raise ValueError(
                "has a host that is no IPv6 address: no page is known by its network zone"
            )
        try:
            return f"[{IPv6Address(host[1:-1])}]"
        except AddressValueError as error:
            raise ValueError(f"has a host that is no IPv6 address: {error}") from error
    name = ascii_host(host)
    if not _HOST.fullmatch(name):
        raise ValueError("has a host with a character that no host has")
    return name
