"""Reads the metrics of caches, executions, the database pool and background tasks."""

from __future__ import annotations

from collections.abc import Iterator

from watchword.context import Services
from watchword.execution.documents.documents import Documents
from watchword.execution.engine import Engine
from watchword.execution.shared.answers import SharedAnswers
from watchword.telemetry.metrics import catalogue
from watchword.telemetry.metrics.live import counted
from watchword.telemetry.metrics.metric import Reading, one
from watchword.throttling.budgets import Budgets

POOL = "watchword"


def read_documents(documents: Documents) -> Iterator[Reading]:
    """Read who still sends documents that are in no manifest."""
    yield counted(catalogue.UNTRUSTED_DOCUMENTS, documents.untrusted)


def read_execution(engine: Engine, shared: SharedAnswers, budgets: Budgets) -> Iterator[Reading]:
    """Read what is kept of plans, programs and answers, how requests were served, and what was beyond limits."""
    yield one(catalogue.PLANS, len(engine.planner))
    yield one(catalogue.PLANS_MADE, engine.planner.made)
    yield counted(catalogue.LIMITS_EXCEEDED, engine.planner.limits.exceeded + budgets.exceeded)
    yield one(catalogue.PROGRAMS, engine.programs_kept)
    yield counted(catalogue.FALLBACKS, engine.fallbacks)
    yield counted(catalogue.ANSWERS, shared.counts)
    yield one(catalogue.ANSWERS_KEPT, len(shared.store))
    yield one(catalogue.ANSWERS_SIZE, shared.store.size)


def read_process(services: Services) -> Iterator[Reading]:
    """Read what observed permissions would refuse, the pool of database connections, and how background tasks do."""
    yield counted(catalogue.OBSERVED, services.observed.counts)
    pool = services.database.pool
    yield counted(catalogue.POOL, {(POOL, "used"): pool.used, (POOL, "idle"): pool.idle})
    yield counted(catalogue.POOL_MOST, {POOL: pool.most})
    tasks = services.background.supervised
    yield counted(catalogue.TASKS, {task.name: float(task.failed_at is None) for task in tasks})
    yield counted(catalogue.TASK_FAILURES, {task.name: task.failures for task in tasks})
