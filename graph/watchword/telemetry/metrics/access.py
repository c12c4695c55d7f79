"""Checks access to the process's reports about itself: its metrics, and why it is not well."""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import IPv6Address, ip_address, ip_network

from starlette.types import Scope

from watchword.asgi.types import address_of
from watchword.domain import METRICS_READ
from watchword.errors import Forbidden, InvalidToken, Unauthenticated, WatchwordError
from watchword.principal import Principal
from watchword.tokens.credential import from_headers, in_url
from watchword.tokens.dpop import Target
from watchword.transports.pipeline import Pipeline


class Access:
    """Admits callers from one of the networks, and callers with a token that has the scope."""

    def __init__(self, pipeline: Pipeline, networks: Sequence[str]) -> None:
        self._pipeline = pipeline
        self._networks = [ip_network(each) for each in networks]

    async def check(self, scope: Scope) -> None:
        """Raise `Forbidden`, `Unavailable` or what `Pipeline.authenticate` raises if the caller may not read."""
        if self._is_near(address_of(scope["client"])):
            return
        if in_url(scope["query_string"]):
            raise InvalidToken("token in the URL")
        target = Target(scope["method"], scope["path"], address=address_of(scope["client"]))
        principal = await self._pipeline.authenticate(from_headers(scope["headers"]), target)
        principal = self._pipeline.recheck_token(principal)
        if METRICS_READ not in principal.grants.scopes:
            raise _refusal(principal)

    async def is_given(self, scope: Scope) -> bool:
        """Tell whether the caller of a request may read. A refused token counts as none."""
        try:
            await self.check(scope)
        except WatchwordError:
            return False
        return True

    def _is_near(self, address: str) -> bool:
        try:
            given = ip_address(address)
        except ValueError:
            return False
        if isinstance(given, IPv6Address) and given.ipv4_mapped is not None:
            given = given.ipv4_mapped
        return any(given in network for network in self._networks)


def _refusal(principal: Principal) -> WatchwordError:
    if principal.is_anonymous:
        return Unauthenticated(
            f"Send a token with the scope {METRICS_READ}, or ask from a network in WATCHWORD_METRICS_NETWORKS."
        )
    return Forbidden(f"The token needs the scope {METRICS_READ}.", requires={"scope": METRICS_READ})
