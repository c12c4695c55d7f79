"""An event is an immutable value."""

from __future__ import annotations

from dataclasses import FrozenInstanceError

import pytest

from watchword.events.event import Event


def test_an_event_cannot_be_changed() -> None:
    with pytest.raises(FrozenInstanceError):
        Event("stream", "key", "kind").kind = "other"  # type: ignore[misc]
