"""The settings of traces."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from watchword.config.settings import Settings


def test_nothing_is_traced_unless_it_is_set() -> None:
    made = Settings(_env_file=None)
    assert (made.traces, made.traces_fields, made.traces_documents) == (False, False, False)


@pytest.mark.parametrize(
    "given", [{"traces_ratio": 1.1}, {"traces_ratio": -0.1}, {"traces_callers_per_second": -1}]
)
def test_a_share_is_between_nothing_and_all(given: dict[str, float]) -> None:
    with pytest.raises(ValidationError, match="less than or equal to 1|greater than or equal to 0"):
        Settings(_env_file=None, **given)
