"""Budgets: what all operations of one caller together may cost in a minute, over all processes.

Each process charges operations to its own accounts, in memory and without waiting. Once it has admitted a
twentieth of a caller's budget that it has told nobody of, it adds that to a counter in Redis, in the background,
and learns what all processes have admitted. So a caller that spends less than that in a minute costs no round trip,
and between n processes a caller may get at most n twentieths of its budget too much, and what they admit during one
answer of Redis. While Redis is away, each process counts alone.

While limits are only measured, callers without a budget have accounts too, so that budgets can be proposed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from math import ceil, inf
from typing import Literal, NamedTuple

from watchword.errors import OverBudget
from watchword.principal import Principal
from watchword.process.background import Background
from watchword.process.clock import Clock
from watchword.throttling.attempts import Attempts
from watchword.throttling.ip_prefix import networks

# Seconds of a window. All processes begin theirs at the same full minute of their clocks.
WINDOW = 60
# The part of a budget that a process may admit before it tells the others.
SHARE = 0.05
# What an account without a budget admits before it tells the others: the share of the smallest budget that can be set
# if operations may cost as much as by default.
MEASURED_SHARE = 1_000
# An operation costs at least this, so that the cheapest ones are limited in number.
LEAST = 1
# A process keeps at most this many accounts, each of about 300 bytes. A caller whose account was dropped begins a
# new one.
MOST_ACCOUNTS = 100_000


class Rates(NamedTuple):
    """What one principal, one OAuth client and one address without a token may spend in a minute; 0 for any amount."""

    principal: int = 0
    client: int = 0
    address: int = 0


class Left(NamedTuple):
    """A budget, what is left of it, and the seconds until it is full again."""

    budget: int
    remaining: int
    reset_after: int


Kind = Literal["principal", "client", "address"]


class Payer(NamedTuple):
    """Whose operations share an account: one principal, one OAuth client or one network."""

    kind: Kind
    name: str


Caller = str | tuple[str, str | None, bool]
"""Whom an operation is charged to: an address without a token, or a subject, its client, and whether that is our own."""


class Account:
    """What one payer has spent in this window, as far as this process knows.

    Without a budget, that is infinite. `stands_alone` is false for a network around that of the caller.
    """

    __slots__ = ("budget", "due", "is_telling", "known", "payer", "stands_alone", "untold")

    def __init__(self, payer: Payer, budget: float, *, stands_alone: bool = True) -> None:
        self.payer = payer
        self.budget = budget
        self.stands_alone = stands_alone
        # What all processes had told of when this one last asked, its own part included.
        self.known = 0.0
        self.untold = 0.0
        # With so much untold, the others are told.
        self.due = self.share
        # Two tasks at a time would both tell what neither has told yet.
        self.is_telling = False

    @property
    def share(self) -> float:
        """What is admitted before the others are told."""
        return MEASURED_SHARE if self.budget == inf else self.budget * SHARE

    @property
    def spent(self) -> float:
        """What this process knows to be spent."""
        return self.known + self.untold

    @property
    def left(self) -> float:
        """What this process knows to be left."""
        return self.budget - self.spent


class Budgets:
    """The accounts of this process."""

    def __init__(
        self,
        rates: Rates,
        attempts: Attempts,
        clock: Clock,
        background: Background,
        *,
        enforced: bool = True,
    ) -> None:
        """`attempts` has the counters that all processes share. Budgets that are not enforced are only counted, and what
        callers without a budget spend is counted too."""
        self.rates = rates
        self.enforced = enforced
        self.exceeded: Counter[str] = Counter()
        """How many operations and events cost more than was left, by the name of the limit."""
        self.is_set = any(rates) or not enforced
        """Whether operations are charged at all."""
        self.on_spent: Callable[[Kind, float], object] | None = None
        """Called for each caller that has spent anything in a window, with what it was, when the window is over."""
        self._attempts = attempts
        self._clock = clock
        self._background = background
        self._window = 0
        # The times at which the window begins and ends.
        self._begins, self._ends = 0, 0
        self._accounts: dict[Payer, Account] = {}
        # The accounts of each caller that was charged in this window: each operation is charged.
        self._known: dict[Caller, tuple[Account, ...]] = {}

    def __len__(self) -> int:
        return len(self._accounts)

    def charge(self, principal: Principal, address: str, cost: float, paid: float = 0) -> None:
        """Charge a cost to a caller: to the principal and its client, or without a token to its address.

        `paid` is the part that was charged before. Raises `OverBudget`, and charges nothing, if any of them has less
        left.
        """
        due = cost - paid
        now = self.turn()
        accounts = self._charged(principal, address)
        for account in accounts:
            if account.budget - account.known - account.untold < due:
                self.exceeded[f"budget_per_{account.payer.kind}"] += 1
                if not self.enforced:
                    continue
                remains = max(1, ceil(self._ends - now))
                raise OverBudget(ceil(cost), int(account.budget), remains)
        for account in accounts:
            account.untold += due
            if account.untold >= account.due and not account.is_telling:
                self._begin_telling(account)

    def left(self, principal: Principal, address: str) -> Left | None:
        """Return what is left of the caller's budget of which least is left; None without a budget."""
        now = self.turn()
        limited = [each for each in self._charged(principal, address) if each.budget < inf]
        if not limited:
            return None
        least = min(limited, key=lambda account: account.left)
        return Left(int(least.budget), max(0, int(least.left)), ceil(self._ends - now))

    def turn(self) -> float:
        """Begin a new window if the last one is over, and return the time."""
        now = self._clock.now()
        if not self._begins <= now < self._ends:
            self._begin_window(int(now // WINDOW))
        return now

    def _begin_window(self, window: int) -> None:
        self._window, self._begins, self._ends = window, window * WINDOW, (window + 1) * WINDOW
        ended, self._accounts, self._known = self._accounts, {}, {}
        if self.on_spent is not None:
            for payer, account in ended.items():
                if account.stands_alone and account.spent:
                    self.on_spent(payer.kind, account.spent)

    def _charged(self, principal: Principal, address: str) -> tuple[Account, ...]:
        """Return a caller's accounts of this window."""
        subject = principal.subject
        key: Caller = (subject, principal.client, principal.is_first_party) if subject else address
        found = self._known.get(key)
        if found is None:
            found = tuple([self._account(*each) for each in self._payers(principal, address)])
            if len(self._known) >= MOST_ACCOUNTS:
                self._known.clear()
            self._known[key] = found
        return found

    def _payers(self, principal: Principal, address: str) -> Iterator[tuple[Payer, int, int]]:
        """Yield a caller's payers, the rate of each, and how many times that its budget is."""
        rates, measures = self.rates, not self.enforced
        if principal.is_anonymous:
            if rates.address or measures:
                for network in networks(address):
                    yield Payer("address", network.name), rates.address, network.times
            return
        if rates.principal or measures:
            yield Payer("principal", principal.subject), rates.principal, 1
        # Everybody uses our own front end: it has no budget.
        if (rates.client or measures) and not (
            principal.client is None or principal.is_first_party
        ):
            yield Payer("client", principal.client), rates.client, 1

    def _account(self, payer: Payer, rate: int, times: int) -> Account:
        found = self._accounts.get(payer)
        if found is None:
            if len(self._accounts) >= MOST_ACCOUNTS:
                del self._accounts[next(iter(self._accounts))]
                self._known.clear()
            made = Account(payer, rate * times or inf, stands_alone=times == 1)
            found = self._accounts[payer] = made
        return found

    def _begin_telling(self, account: Account) -> None:
        if self._attempts.is_shared:
            account.due = account.untold + account.share
            account.is_telling = True
            telling = self._tell(account, self._window)
            self._background.spawn("the telling of a budget", telling)

    async def _tell(self, account: Account, window: int) -> None:
        """Add what is untold to the shared counter, and learn what all have spent."""
        part, key = int(account.untold), ("budget", *account.payer, str(window))
        try:
            total = await self._attempts.add(part, 2 * WINDOW, *key)
        finally:
            account.is_telling = False
        if total is not None:
            account.untold -= part
            account.known = max(account.known, total)
            account.due = account.share
