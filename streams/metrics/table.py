"""The closed table of metrics, and the page that lists them."""

from typing import Final, Literal, TypeAlias

import msgspec

Topics: TypeAlias = Literal["read", "input", "fact", "routed_fact"]
"""``read``: read in slices by some role. ``input``: that of a family. ``fact``: any fact
topic; ``routed_fact``: one whose records belong to a partition."""


class Spec(msgspec.Struct, frozen=True):
    """One metric of the table."""

    name: str
    kind: str
    """``counter``, ``gauge`` or ``histogram``."""
    unit: str
    labels: tuple[str, ...]
    """Values come from closed lists or are topics and partitions, never ids."""
    meaning: str
    topics: tuple[Topics, ...] = ()
    """Of a counter by topic: the topics for which it is 0 when a worker starts."""


def _counter(name: str, labels: str, meaning: str, unit: str = "records") -> Spec:
    return Spec(name, "counter", unit, tuple(labels.split()), meaning)


def _by_topic(name: str, meaning: str, *topics: Topics, unit: str = "records") -> Spec:
    return Spec(name, "counter", unit, ("topic",), meaning, topics)


def _gauge(name: str, labels: str, meaning: str, unit: str = "") -> Spec:
    return Spec(name, "gauge", unit, tuple(labels.split()), meaning)


def _histogram(name: str, meaning: str) -> Spec:
    return Spec(name, "histogram", "seconds", ("family",), meaning)


DECISIONS: Final = _counter(
    "refund_decisions_total",
    "family outcome reason",
    "New decisions by outcome and leading reason code.",
    "decisions",
)
REASONS: Final = _counter(
    "refund_reasons_total",
    "family reason",
    "New decisions that carry a reason code, leading or not.",
    "decisions",
)
DISPOSITIONS: Final = _counter(
    "refund_dispositions_total",
    "family disposition",
    "New decision records: decided, out_of_scope, superseded.",
)
AUTO_SHARE: Final = _gauge(
    "refund_auto_share",
    "family",
    "FR-1.5a: share of automatic approvals among the decisions of this worker since its start.",
    "ratio",
)
MANUAL_REVIEW_COUNT: Final = _counter(
    "refund_manual_review_count_total",
    "family",
    "FR-1.5a: decisions for manual review.",
    "decisions",
)
REQUEST_AGE: Final = _histogram(
    "refund_request_age_seconds",
    "Time from requested_at_ms to decided_at_ms.",
)
LATENCY: Final = _histogram(
    "refund_decision_latency_seconds",
    "Time from the timestamp of the request record to the acknowledged output.",
)
RECORDS: Final = _by_topic(
    "refund_records_total",
    "Input records read.",
    "read",
)
SLICES: Final = _by_topic(
    "refund_slices_total",
    "Finished slices: all outputs acknowledged.",
    "read",
    unit="slices",
)
LAG_RECORDS: Final = _gauge(
    "refund_lag_records",
    "topic partition",
    "Records from the committed offset to the end of the partition.",
    "records",
)
LAG_SECONDS: Final = _gauge(
    "refund_lag_seconds",
    "topic partition",
    "Age of the oldest record that is not acknowledged yet, by its timestamp; 0 without lag. "
    "While that record is not fetched: time since the partition last made progress.",
    "seconds",
)
DEAD_LETTERS: Final = _counter(
    "refund_dead_letters_total",
    "topic error",
    "Input records that became dead letters.",
)
EVENTS: Final = _counter(
    "refund_events_total",
    "topic class",
    "Platform events by class: accepted, manual_review, ignored, dead_letter.",
    "events",
)
REPEATED: Final = _counter(
    "refund_repeated_requests_total",
    "family",
    "Repeated deliveries of a request, answered with its first decision.",
)
SKIPPED: Final = _by_topic(
    "refund_skipped_offsets_total",
    "Offsets skipped at a take-over because an output already answers them.",
    "input",
)
UNFIT: Final = _by_topic(
    "refund_unfit_answers_total",
    "Records whose offset is named by an output that answers another record: the topic was "
    "recreated. They are decided.",
    "input",
)
UNANSWERED: Final = _by_topic(
    "refund_unanswered_offsets_total",
    "Requests before the committed offset that no output answers, because somebody moved the "
    "offset forward. The log names their offsets.",
    "input",
)
DOUBTED: Final = _counter(
    "refund_plain_doubted_total",
    "family",
    "Decisions of the fast path that differ from those of the rules. After the first one "
    "the rules alone decide, also after a restart, until another version runs.",
    "decisions",
)
MISROUTED: Final = _by_topic(
    "refund_misrouted_total",
    "Records in the wrong partition.",
    "input",
    "routed_fact",
)
FACTS_LOADED: Final = _by_topic(
    "refund_facts_loaded_total",
    "Fact records applied, at start and live.",
    "fact",
)
TABLE_ROWS: Final = _gauge(
    "refund_table_rows", "family table", "Rows in memory.", "rows"
)
WATERMARK_AGE: Final = _gauge(
    "refund_watermark_age_seconds",
    "topic",
    "Age of the oldest watermark of the assigned partitions; +Inf without one.",
    "seconds",
)
DELETED: Final = _by_topic(
    "refund_deleted_unread_total",
    "Records that the broker deleted before a worker read them, counted by offset: "
    "requests without a decision.",
    "read",
)
REBALANCES: Final = _by_topic(
    "refund_rebalances_total",
    "Assignments of partitions to this worker.",
    "read",
    unit="assignments",
)
PARTITIONS: Final = _gauge(
    "refund_partitions",
    "topic",
    "Partitions that this worker reads; 0 for a standby worker.",
    "partitions",
)
COMMIT_AGE: Final = _gauge(
    "refund_commit_age_seconds",
    "topic",
    "Time since the last commit of offsets.",
    "seconds",
)
NOTICES: Final = _counter(
    "refund_notices_total", "family kind", "Notices written.", "notices"
)
BREAKERS_OPEN: Final = _gauge(
    "refund_breakers_open",
    "family scope",
    "Open breakers; 0 or 1 for the scope global.",
    "breakers",
)
READY: Final = _gauge("refund_ready", "", "1 while /readyz answers 200, else 0.")
AGENTS_UP: Final = _gauge("refund_agent_up", "agent", "1 while the agent runs.")
TASKS: Final = _gauge(
    "refund_tasks",
    "",
    "Live asyncio tasks; their number depends on partitions and connections, not on load.",
    "tasks",
)
BUILD: Final = _gauge("refund_build_info", "version python", "Always 1.")
POLICY: Final = _gauge(
    "refund_policy_info",
    "family policy state",
    "1 for each policy that is in_force (policy none = nothing is approved), waiting, overtaken, "
    "missing, or refused since the last accepted version.",
)
POLICY_PAUSED: Final = _gauge(
    "refund_policy_paused",
    "family",
    "1 while the operators' pause is on: every request goes to a person.",
)
POLICY_DISAGREEMENTS: Final = _counter(
    "refund_policy_disagreements_total",
    "family kind",
    "Signs that a worker judges, or judged, by another policy: file, decided, missing, member.",
    "signs",
)

TABLE: Final = (
    DECISIONS,
    REASONS,
    DISPOSITIONS,
    AUTO_SHARE,
    MANUAL_REVIEW_COUNT,
    REQUEST_AGE,
    LATENCY,
    RECORDS,
    SLICES,
    LAG_RECORDS,
    LAG_SECONDS,
    DEAD_LETTERS,
    EVENTS,
    REPEATED,
    SKIPPED,
    UNFIT,
    UNANSWERED,
    DOUBTED,
    MISROUTED,
    FACTS_LOADED,
    TABLE_ROWS,
    WATERMARK_AGE,
    DELETED,
    REBALANCES,
    PARTITIONS,
    COMMIT_AGE,
    NOTICES,
    BREAKERS_OPEN,
    READY,
    AGENTS_UP,
    TASKS,
    BUILD,
    POLICY,
    POLICY_PAUSED,
    POLICY_DISAGREEMENTS,
)
"""The closed table, in the order of ``docs/metrics.md``."""

BUCKETS_MS: Final = (
    *(1, 2, 3, 5, 8, 12, 20, 30, 50, 80, 120, 200, 300, 500),
    *(1_000, 2_000, 5_000, 10_000, 30_000, 60_000, 300_000, 1_800_000),
)
"""Inclusive upper bounds: fine where decisions are made, coarse where lag is caught
up."""


def metrics_page() -> str:
    """Return ``docs/metrics.md``, generated from the table."""
    bounds = ", ".join(f"{bound / 1000:g}" for bound in BUCKETS_MS)
    rows = "\n".join(
        f"| `{spec.name}` | {spec.kind} | {spec.unit or '1'} "
        f"| {', '.join(f'`{label}`' for label in spec.labels) or '-'} "
        f"| {spec.meaning} |"
        for spec in TABLE
    )
    return (
        "# Metrics\n\nServed at `/metrics` in the Prometheus text format. "
        "Labels come from closed lists or are topics and partitions, never ids.\n"
        f"Histograms have the bounds {bounds} seconds. Counters exist at 0 from the start.\n"
        "The page also has the `process_*` metrics of the Prometheus client: CPU, memory, "
        "open files, start.\n\n"
        "| metric | kind | unit | labels | meaning |\n|---|---|---|---|---|\n"
        f"{rows}\n\n"
        "This page is generated from the table in `streams/metrics/table.py`.\n"
    )
