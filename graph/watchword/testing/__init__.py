"""Tests of apps with Watchword in them: what the fixture `watchword` of the pytest plugin gives.

The names are for annotations (`def test_orders(watchword: App) -> None`) and for `pytest.raises`. They are imported
when they are asked for: pytest imports this package in every run, also where nobody uses it.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from watchword.testing.app import App, Clock, SyncApp
    from watchword.testing.caller import Caller, SyncCaller
    from watchword.testing.outcome import Answer, Closed, Failed, Problem
    from watchword.testing.subscription import Subscription, SyncSubscription

__all__ = [
    "Answer",
    "App",
    "Caller",
    "Clock",
    "Closed",
    "Failed",
    "Problem",
    "Subscription",
    "SyncApp",
    "SyncCaller",
    "SyncSubscription",
]

_MODULES = {
    "app": ("App", "Clock", "SyncApp"),
    "caller": ("Caller", "SyncCaller"),
    "outcome": ("Answer", "Closed", "Failed", "Problem"),
    "subscription": ("Subscription", "SyncSubscription"),
}


def __getattr__(name: str) -> object:
    for module, names in _MODULES.items():
        if name in names:
            return getattr(import_module(f"{__name__}.{module}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
