"""Checks a bus URL and reads its parts, without connecting to anything. Pure."""

from __future__ import annotations

from urllib.parse import SplitResult, urlsplit

MEMORY = "memory://"
SENTINEL = "redis+sentinel"
CLUSTER = "redis+cluster"
SCHEMES = ("redis", "rediss", "unix", SENTINEL, CLUSTER)
SENTINEL_PORT, PORT = 26379, 6379


def check(url: str) -> None:
    """Raise `ValueError`, with a message for the operator, unless the URL names a bus."""
    parts = urlsplit(url)
    if url != MEMORY and parts.scheme not in SCHEMES:
        raise ValueError(f"must be {MEMORY} or begin with {', '.join(f'{s}://' for s in SCHEMES)}")
    if not _has_hosts(parts):
        raise ValueError(f"must name its hosts: {parts.scheme}://one:6379,two:6379")
    if parts.scheme == SENTINEL and not parts.path.strip("/"):
        raise ValueError(f"must name the service: {SENTINEL}://one:26379,two:26379/mymaster")


def between_processes(url: str) -> bool:
    """Tell whether this bus connects several processes."""
    return url != MEMORY


def _has_hosts(parts: SplitResult) -> bool:
    if parts.scheme not in (SENTINEL, CLUSTER, "redis", "rediss"):
        return True
    try:
        return all(host and 0 < port < 65536 for host, port in hosts(parts, PORT))
    except ValueError:
        return False


def hosts(parts: SplitResult, port: int) -> list[tuple[str, int]]:
    """Return the hosts and ports in a URL; `port` is the default for hosts without a port."""
    named = parts.netloc.rpartition("@")[2].split(",")
    each = (urlsplit(f"//{host}") for host in named)
    return [(one.hostname or "", one.port or port) for one in each]
