"""The limits of live connections can be set, have sane defaults, and must fit together."""

from __future__ import annotations

import pytest

from watchword.config.live_settings import LiveSettings
from watchword.config.settings import Settings, read
from watchword.errors import Unsafe


def test_they_are_read_with_the_other_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WATCHWORD_MAILBOX_LIMIT", "7")
    assert read().mailbox_limit == 7
    assert issubclass(Settings, LiveSettings)


def test_the_defaults_of_operations_grow_from_connection_to_process() -> None:
    settings = LiveSettings()
    assert (
        settings.max_operations
        < settings.max_operations_per_principal
        < settings.max_operations_per_address
        < settings.max_operations_per_process
    )


def test_a_client_can_renew_before_its_shortest_token_ends() -> None:
    shortest = Settings.model_fields["access_token_seconds"].metadata[0].ge
    assert LiveSettings().renew_before_seconds < shortest


def test_a_role_change_knows_two_answers() -> None:
    with pytest.raises(Unsafe, match=r"WATCHWORD_ON_ROLE_CHANGE .*'renew' or 'downgrade'"):
        read(on_role_change="ignore")
