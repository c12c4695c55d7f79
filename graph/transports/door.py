"""What every door needs: one value, made by the app."""

from __future__ import annotations

from dataclasses import dataclass

from graph.context import Services
from graph.execution.engine import Engine
from graph.settings import Settings
from graph.transports.authenticate import Authenticate


@dataclass(frozen=True, slots=True)
class Door:
    """The stages behind a door, in the order in which a request passes them."""

    settings: Settings
    authenticate: Authenticate
    engine: Engine
    services: Services
