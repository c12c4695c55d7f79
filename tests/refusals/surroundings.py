"""Refusals of settings, of a users table, of trusted issuers, and of where metrics and traces go."""

from __future__ import annotations

import json
from typing import Any

from sqlalchemy import ForeignKey, create_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from tests.refusals.ground import Case, Ground
from watchword import Domain, UsersTable
from watchword.config.settings import read
from watchword.principal import ANONYMOUS
from watchword.telemetry.metrics import outputs
from watchword.telemetry.metrics.otlp import INTERVAL, interval
from watchword.telemetry.metrics.workers.supervisor import gathering
from watchword.telemetry.traces import sampling, sdk


class Base(DeclarativeBase):
    pass


class User(Base):
    __tablename__ = "refused_users"
    id: Mapped[int] = mapped_column(primary_key=True)
    login: Mapped[str]


class Pair(Base):
    __tablename__ = "refused_pairs"
    one: Mapped[int] = mapped_column(ForeignKey("refused_users.id"), primary_key=True)
    two: Mapped[int] = mapped_column(primary_key=True)
    email: Mapped[str]


def is_password(_user: object, _password: str) -> bool:
    return True


async def is_password_later(_user: object, _password: str) -> bool:
    return True


def users_table(ground: Ground) -> None:
    engine = create_engine("sqlite://")
    refusals: dict[str, tuple[Any, ...]] = {
        "a function is_password.* that is not async": (engine, User, is_password_later),
        "takes a class that SQLAlchemy maps to a table": (engine, dict, is_password),
        r"User has no 'email'. Name the attribute .*email='…'": (engine, User, is_password),
        "primary key of Pair is not one column": (engine, Pair, is_password),
    }
    for said, given in refusals.items():
        with ground.refused(said):
            UsersTable(*given)
    with ground.refused("takes an engine or a sessionmaker of SQLAlchemy's"):
        UsersTable("sqlite://", User, is_password, email="login")  # type: ignore[arg-type]
    ground.serve(Domain(accounts=UsersTable(engine, User, is_password, email="login")))


def wrong_settings(ground: Ground) -> None:
    ground.patch.setenv("WATCHWORD_DRAIN_SECONDS", "-1")
    ground.patch.setenv("WATCHWORD_PORT", "x")
    with ground.refused("WATCHWORD_DRAIN_SECONDS .*greater than or equal to 0"):
        read()
    ground.patch.setenv("WATCHWORD_DRAIN_SECONDS", "0")
    ground.patch.setenv("WATCHWORD_PORT", "8000")
    assert read().drain_seconds == 0


def lines_that_set_nothing(ground: Ground) -> None:
    ground.patch.chdir(ground.folder)
    file = ground.folder / ".env"
    file.write_text("WATCHWORD_DEMO=false", encoding="utf-16")
    with ground.refused("not UTF-8: save it as UTF-8"):
        read()
    file.write_text("WATCHWORD_DEMO: false\nWATCHWORD_PORT=1\n")
    with ground.refused("write WATCHWORD_DEMO=value"):
        read()
    file.write_text("WATCHWORD_DEMO=false\nWATCHWORD_PORT=1\n")
    assert not read().demo


def names_that_are_no_settings(ground: Ground) -> None:
    ground.patch.setenv("WATCHWORD_MAX_OBJECTS", "100")
    with ground.refused("WATCHWORD_MAX_COST has replaced it"):
        read()
    ground.patch.delenv("WATCHWORD_MAX_OBJECTS")
    ground.patch.setenv("WATCHWORD_MAX_COST", "100")
    ground.patch.setenv("WATCHWORD_MAX_DEPHT", "3")
    with ground.refused("WATCHWORD_MAX_DEPHT is no setting. Did you mean WATCHWORD_MAX_DEPTH"):
        read()
    ground.patch.delenv("WATCHWORD_MAX_DEPHT")
    assert read().max_cost == 100


def issuers(ground: Ground) -> None:
    issuer = {
        "name": "staff",
        "issuer": "https://id.example.org",
        "audience": "https://api.example.org",
        "jwks_url": "https://id.example.org/jwks",
    }
    domain = Domain(roles={"keeper": frozenset()})
    with ground.refused(
        "gives the role 'kepeer', which the schema does not know. It knows: keeper"
    ):
        ground.serve(domain, trusted_issuers=({**issuer, "default_roles": ["kepeer"]},))
    ground.serve(domain, trusted_issuers=({**issuer, "default_roles": ["keeper"]},))
    with ground.refused(
        "keeps the claim 'scope', whose meaning is fixed here. Give it another name"
    ):
        ground.serve(domain, trusted_issuers=({**issuer, "claims": {"scope": "scope"}},))
    ground.serve(domain, trusted_issuers=({**issuer, "claims": {"their_scope": "scope"}},))


def metrics(ground: Ground) -> None:
    ground.patch.setenv(INTERVAL, "a minute")
    with ground.refused("must be a number of milliseconds, for example 60000"):
        interval()
    ground.patch.setenv(INTERVAL, "60000")
    assert interval() == 60

    def missing(_name: str) -> None:
        raise ModuleNotFoundError(name="prometheus_client")

    with ground.patch.context() as patch:
        patch.setattr(outputs, "import_module", missing)
        with ground.refused(r"prometheus_client, .*: pip install 'watchword\[metrics\]'"):
            ground.serve(metrics="prometheus")
    ground.serve(metrics="prometheus")


def metrics_of_workers(ground: Ground) -> None:
    long = ground.folder / ("x" * 120)
    long.mkdir()
    ground.patch.setattr("tempfile.tempdir", str(long))
    with ground.refused("Set TMPDIR to a folder with a short path"):
        in_thread()
    ground.patch.setattr("tempfile.tempdir", str(ground.folder / "not there"))
    with ground.refused("Set TMPDIR to a folder with a short path"):
        in_thread()
    ground.patch.setattr("tempfile.tempdir", "/tmp")
    in_thread()


def in_thread() -> None:
    """Gather metrics as the supervisor does, which has no event loop in its main thread."""
    from concurrent.futures import ThreadPoolExecutor

    def gather() -> None:
        with gathering():
            pass

    with ThreadPoolExecutor(1) as pool:
        pool.submit(gather).result()


def traces(ground: Ground) -> None:
    sampler = {"OTEL_TRACES_SAMPLER": "traceidratio"}
    with ground.refused("OTEL_TRACES_SAMPLER_ARG must be a number from 0 to 1"):
        sampling.choice(sampler | {"OTEL_TRACES_SAMPLER_ARG": "half"}, 1)
    assert sampling.choice(sampler | {"OTEL_TRACES_SAMPLER_ARG": "0.5"}, 1)
    with ground.refused("named 'jaeger': install its package, or set OTEL_TRACES_EXPORTER to otlp"):
        sdk.provider({"OTEL_TRACES_EXPORTER": "jaeger"}, 1)
    for name in ("otlp", "console", "none"):
        sdk.provider({"OTEL_TRACES_EXPORTER": name}, 1).shutdown()


def documents(ground: Ground) -> None:
    path = ground.folder / "documents" / "manifest.json"
    path.parent.mkdir()
    with ground.refused("set WATCHWORD_DOCUMENTS to a manifest, or a directory"):
        ground.serve(documents_only=True)
    with ground.refused("manifest.json cannot be read: No such file"):
        ground.serve(documents=path)
    with ground.refused("has no trusted documents: write a manifest there, or unset"):
        ground.serve(documents=path.parent)
    apollo = {"format": "apollo-persisted-query-manifest", "version": 1}
    for manifest, said in (
        ("{", "manifest.json is not JSON"),
        ("[]", "manifest.json cannot be used: it must be Apollo's manifest, or an object"),
        ('{"1": 2}', "has an entry without a text: it must be Apollo's manifest, or an object"),
        (json.dumps(apollo), "is not of version 1 of apollo.*: it must be Apollo's manifest"),
        ('{"sha256:ab": "{ hello }"}', "is not the hash of its document: build it anew"),
    ):
        path.write_text(manifest)
        with ground.refused(said):
            ground.serve(documents=path)
    path.write_text('{"1": "{ hello }"}')
    other = path.with_name("other.json")
    other.write_text('{"1": "{ a: hello }"}')
    with ground.refused("The id 1 stands for two documents, in .*: remove one"):
        ground.serve(documents=path.parent)
    other.unlink()
    app = ground.serve(documents=path.parent, documents_only=True)
    assert app.pipeline.documents.plan(None, "1", None, ANONYMOUS)


CASES: list[Case] = [
    users_table,
    wrong_settings,
    lines_that_set_nothing,
    names_that_are_no_settings,
    issuers,
    metrics,
    metrics_of_workers,
    traces,
    documents,
]
