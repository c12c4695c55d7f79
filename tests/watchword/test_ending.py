"""Endings tell the stock client what to do."""

from __future__ import annotations

import pytest

from watchword.ending import Ending

# graphql-ws, src/client.ts: these close codes are fatal to the client, all others it retries.
FATAL = {4500, 4005, 4400, 4004, 4401, 4406, 4409, 4429}


@pytest.mark.parametrize("ending", list(Ending))
def test_only_a_revoked_session_makes_the_stock_client_give_up(ending: Ending) -> None:
    assert (ending.close_code in FATAL) is (ending is Ending.REVOKED)
    assert len(ending.reason.encode()) <= 123
