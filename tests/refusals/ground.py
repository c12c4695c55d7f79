"""Where a case plays: a folder, an environment, and servers that are made in this process. It records what was refused."""

from __future__ import annotations

import re
import sys
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import strawberry

from tests.support.clock import MovedClock
from tests.support.vault import ENCRYPTION_KEY
from watchword import Public
from watchword.app import App, create_app
from watchword.config.settings import Settings
from watchword.domain import Domain, Mount, check
from watchword.errors import Unsafe

Site = tuple[str, int]
"""A module's path and a line of it."""
PACKAGE = "watchword"


class Ground:
    """What a case needs, and the places at which something was refused in it."""

    def __init__(self, folder: Path, clock: MovedClock, patch: pytest.MonkeyPatch) -> None:
        self.folder = folder
        self.clock = clock
        self.patch = patch
        self.refused_at: list[Site] = []
        self.sentences: list[str] = []

    @contextmanager
    def refused(self, said: str) -> Iterator[None]:
        """Expect that the block is refused with a sentence that has this expression."""
        with pytest.raises(Unsafe) as refusal:
            yield
        assert re.search(said, str(refusal.value)), str(refusal.value)
        self.sentences.append(str(refusal.value))
        trail = [each for each in refusal.traceback if f"/{PACKAGE}/" in str(each.path)]
        self.refused_at.append(
            (str(trail[-1].path).rpartition(f"/{PACKAGE}/")[2], trail[-1].lineno + 1)
        )

    def serve(
        self, domain: Domain | None = None, schema: strawberry.Schema | None = None, **settings: Any
    ) -> App:
        """Make the server, as `watchword serve` does before it listens."""
        url = f"sqlite+aiosqlite:///{self.folder}/refusals.db"
        given = Settings(
            _env_file=None, database_url=url, encryption_keys=(ENCRYPTION_KEY,), **settings
        )
        domain = domain or Domain()
        check(domain)
        return create_app(given, Mount(schema or greeting(), domain), self.clock)

    def module(self, name: str, text: str) -> str:
        """Write a module that can be imported, and return its name."""
        (self.folder / f"{name}.py").write_text(text)
        self.patch.syspath_prepend(str(self.folder))
        self.patch.delitem(sys.modules, name, raising=False)
        return name


@strawberry.type
class Greeting:
    @strawberry.field(permission_classes=[Public])
    def hello(self) -> str:
        return "hello"


def greeting(**options: Any) -> strawberry.Schema:
    """Make a schema that may be served."""
    return strawberry.Schema(Greeting, **options)


Case = Callable[[Ground], Awaitable[None] | None]
"""Does something that is refused, and then what the refusal advises, which must be accepted."""
