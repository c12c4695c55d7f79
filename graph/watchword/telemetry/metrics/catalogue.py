"""Every metric of this server. docs/reference/metrics.md lists them.

Names and attributes of OpenTelemetry's semantic conventions are used where these have the thing: for HTTP, for
connections of a database, and for the names and types of GraphQL operations.
"""

from __future__ import annotations

from watchword.telemetry.metrics.metric import Across, Kind, Metric

COUNTER, GAUGE, HISTOGRAM = Kind.COUNTER, Kind.GAUGE, Kind.HISTOGRAM

# Requests and operations.

REQUESTS = Metric(
    "http.server.request.duration",
    HISTOGRAM,
    "s",
    "Time until the head of an HTTP answer leaves. A stream goes on after that.",
    ("http.request.method", "http.route", "http.response.status_code"),
)
ACTIVE_REQUESTS = Metric(
    "http.server.active_requests",
    GAUGE,
    "{request}",
    "HTTP requests that are not answered to the end, streams included.",
)
OPERATIONS = Metric(
    "watchword.operation.duration",
    HISTOGRAM,
    "s",
    "Time that the answer to a query or a mutation took, over any transport, in parts until the last one. The 100 names that are used most have"
    " their own; outcome is ok, error (the answer has errors) or cancelled (the client went away).",
    ("graphql.operation.type", "graphql.operation.name", "outcome"),
    bounded="graphql.operation.name",
)
ERRORS = Metric(
    "watchword.errors",
    COUNTER,
    "{error}",
    "Errors of operations by extensions.code. An answer that many callers share counts once.",
    ("code",),
    bounded="code",
)
OBSERVED = Metric(
    "watchword.permission.observed",
    COUNTER,
    "{operation}",
    "Operations, and executions for an event, in which an observed permission would have refused a field. An execution"
    " that many callers share counts once, and a kept answer does not count.",
    ("field", "needs"),
)
SIZES = Metric(
    "watchword.operation.size",
    HISTOGRAM,
    "1",
    "What operations have of what limits are measured by, by the name of the limit: cost, depth, aliases, directives,"
    " root_fields. An operation over any transport counts each time it is sent. `watchword limits report` reads this.",
    ("limit", "graphql.operation.name"),
    bounded="graphql.operation.name",
)
SPENT = Metric(
    "watchword.budget.spent",
    HISTOGRAM,
    "1",
    "What the operations of one caller cost in one minute, for each caller that asked in it, by the name of its budget:"
    " budget_per_principal, budget_per_client, budget_per_address. A caller without a budget is counted with"
    " WATCHWORD_LIMITS=measure only. Each process counts the callers that asked it. `watchword limits report` reads this.",
    ("limit",),
)
LIMITS_EXCEEDED = Metric(
    "watchword.limit.exceeded",
    COUNTER,
    "{operation}",
    "Operations beyond a limit or a budget: refused, or only counted while limits are measured. A document that is kept"
    " counts once for all limits but the cost.",
    ("limit",),
)
UNTRUSTED_DOCUMENTS = Metric(
    "watchword.documents.untrusted",
    COUNTER,
    "{request}",
    "Requests whose document is in no manifest, by OAuth client; (none) are those without a token. A client that has none"
    " for some days can be named in WATCHWORD_DOCUMENTS_ONLY. Without manifests, nothing is counted.",
    ("client",),
    bounded="client",
)

# Live connections.

CONNECTIONS = Metric(
    "watchword.connections",
    GAUGE,
    "{connection}",
    "Live connections that are open.",
    ("transport",),
)
CLOSES = Metric(
    "watchword.connection.closes",
    COUNTER,
    "{connection}",
    "Ended live connections: sockets by close code, streams by the code of the error that ended them (or 'end').",
    ("transport", "code"),
)
SUBSCRIPTIONS = Metric(
    "watchword.subscriptions",
    GAUGE,
    "{subscription}",
    "Subscriptions that are open, with an execution of their own (alone) or one that many share (grouped).",
    ("state",),
)
GROUPS = Metric(
    "watchword.groups", GAUGE, "{group}", "Groups of subscriptions that share each execution."
)
LARGEST_GROUP = Metric(
    "watchword.group.size.max",
    GAUGE,
    "{subscription}",
    "Subscriptions in the largest group.",
    across=Across.MOST,
)
GROUP_SIZES = Metric("watchword.group.sizes", GAUGE, "{group}", "Groups by their size.", ("size",))
DELIVERIES = Metric(
    "watchword.deliveries",
    COUNTER,
    "{answer}",
    "Answers to events, once for each subscription that they were written to.",
    ("state",),
)
RESUMES = Metric(
    "watchword.resumes",
    COUNTER,
    "{subscription}",
    "Subscriptions that came back with a cursor: resumed, or refused (not a cursor of this stream); expired if what"
    " followed the cursor was pruned, which may be noticed only when it is read.",
    ("outcome",),
)

# The log of events.

LOG_LAG = Metric(
    "watchword.log.lag",
    GAUGE,
    "{event}",
    "Events of the stream that is most behind which are in the log and were not handed to subscribers.",
    across=Across.MOST,
)
LOG_LOOK_AGE = Metric(
    "watchword.log.look.age",
    GAUGE,
    "s",
    "Time since the last successful look at the log of events. Beyond a few seconds, revocations may be late.",
    across=Across.MOST,
)
MAILBOX_EVENTS = Metric(
    "watchword.mailbox.events", GAUGE, "{event}", "Events that wait for subscribers, all together."
)
LARGEST_MAILBOX = Metric(
    "watchword.mailbox.events.max",
    GAUGE,
    "{event}",
    "Events that wait for the slowest subscriber.",
    across=Across.MOST,
)
MAILBOXES_BEHIND = Metric(
    "watchword.mailboxes.behind",
    GAUGE,
    "{mailbox}",
    "Subscribers whose mailbox was full and who read from the log in the database.",
)

# Tokens and sessions.

REFUSALS = Metric(
    "watchword.token.refusals",
    COUNTER,
    "{credential}",
    "Credentials that were refused: tokens, proofs and others, by the rule that they broke.",
    ("kind", "rule"),
)
REFRESHES = Metric(
    "watchword.session.refreshes",
    COUNTER,
    "{refresh}",
    "Refreshes of sessions, refreshed or refused.",
    ("outcome",),
)
REUSES = Metric(
    "watchword.session.reuses",
    COUNTER,
    "{session}",
    "Sessions that were ended because an old refresh token was used again: a thief may have it.",
)
REVOCATIONS = Metric(
    "watchword.revocations",
    COUNTER,
    "{revocation}",
    "Revocations that this process heard.",
    ("kind",),
)
REVOCATION_DELAY = Metric(
    "watchword.revocation.delay",
    HISTOGRAM,
    "s",
    "Time from the commit of a revocation, by the clock of the process that made it, until this process heard it.",
)
REVOCATIONS_KEPT = Metric(
    "watchword.revocations.kept",
    GAUGE,
    "{revocation}",
    "Revocations that tokens are checked against.",
    across=Across.MOST,
)

# Caches and executions.

PLANS = Metric("watchword.plans", GAUGE, "{plan}", "Validated documents that are kept.")
PLANS_MADE = Metric(
    "watchword.plans.made",
    COUNTER,
    "{plan}",
    "Documents that were parsed and validated, because no plan of them was kept.",
)
PROGRAMS = Metric("watchword.programs", GAUGE, "{program}", "Compiled operations that are kept.")
FALLBACKS = Metric(
    "watchword.fallbacks",
    COUNTER,
    "{execution}",
    "Executions that were left to graphql-core although the operation had been used before.",
    ("reason",),
)
ANSWERS = Metric(
    "watchword.answers",
    COUNTER,
    "{request}",
    "Requests by how shared answers served them: kept, joined (one that was being made), begun; or not: personal,"
    " behind (the log could not be looked at), undeclared (a field does not say what it reads).",
    ("outcome",),
)
ANSWERS_KEPT = Metric("watchword.answers.kept", GAUGE, "{answer}", "Shared answers that are kept.")
ANSWERS_SIZE = Metric("watchword.answers.kept.size", GAUGE, "By", "Memory of the shared answers.")

# The process.

WORKERS = Metric(
    "watchword.workers",
    GAUGE,
    "{process}",
    "Processes of `serve --workers` that answered this scrape, or were silent: their gauges are missing in it, and their"
    " counters are those of their last answer. A server of one process does not have this metric.",
    ("state",),
)

POOL = Metric(
    "db.client.connection.count",
    GAUGE,
    "{connection}",
    "Connections to the database.",
    ("db.client.connection.pool.name", "db.client.connection.state"),
)
POOL_MOST = Metric(
    "db.client.connection.max",
    GAUGE,
    "{connection}",
    "The most connections to the database that this process opens.",
    ("db.client.connection.pool.name",),
)
TASKS = Metric(
    "watchword.background.task.healthy",
    GAUGE,
    "1",
    "Background tasks: 1 while a task succeeds, 0 from its first failure to its next success.",
    ("task",),
    across=Across.LEAST,
)
TASK_FAILURES = Metric(
    "watchword.background.task.failures",
    COUNTER,
    "{failure}",
    "Failures of background tasks.",
    ("task",),
)

ALL = tuple(each for each in globals().copy().values() if isinstance(each, Metric))
