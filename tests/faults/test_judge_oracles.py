"""The oracles find what they are for: a right log out of a seed, corrupted at some place."""

import itertools
import json
import tracemalloc
from collections.abc import Callable
from dataclasses import replace
from random import Random
from typing import Any, Final, TypeAlias

import msgspec
import pytest

from faults.judge.checks import UNDISTURBED, problems
from faults.judge.money import approvals_are_just
from faults.judge.order import late_answers
from faults.judge.recovery import (
    longest_gap_ms,
    percentile,
    raw_repeats,
    recovery,
)
from faults.judge.view import Heard, OffsetSample, Rec, View, digest_of
from streams.families.fast_refund.breaker import Breaker
from streams.families.fast_refund.judge import Judge
from streams.families.fast_refund.policy import Policies
from streams.families.fast_refund.shared_tables import SharedTables
from streams.families.fast_refund.tables import PartitionTables
from streams.processing.answers import Answers
from streams.processing.site import Site
from streams.settings import load_policy
from testkit import samples
from testkit.fakes import headers_in

INPUT: Final = "t.requests"
REQUESTS: Final = 60
SEEDS: Final = range(5)
NAMES: Final = ("approvals", "reviews", "skipped", "notices", "dead-letters")
ASKED_MS: Final = samples.T
DECIDED_MS: Final = samples.NOW
MARK: Final = b"__watermark__"
POLICY: Final = load_policy(None)


class Input(msgspec.Struct):
    """What a source record looks like to the judge of the product."""

    offset: int
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes | None], ...] = ()
    partition: int = 0
    timestamp: int = DECIDED_MS
    topic: str = INPUT


def buyer_of(number: int) -> str:
    return f"b-{number}"


def facts_of(number: int, **changes: Any) -> bytes:  # noqa: ANN401 - JSON
    return samples.order(order_id=f"o-{number}", buyer_id=buyer_of(number), **changes)


def right(seed: int) -> View:
    """Requests of one partition, most of them approved, a few sent to a person."""
    rng = Random(seed)  # noqa: S311 - a log, no secret
    dear = {rng.randrange(REQUESTS) for _ in range(8)}
    tables = PartitionTables(0, 1)
    shared = SharedTables(Policies((POLICY,)), 1)
    facts: list[Rec] = []
    for number in range(REQUESTS):
        fen = 30_000 if number in dear else 19_900
        value = facts_of(number, paid_fen=fen, refundable_left_fen=fen)
        facts.append(fact("orders", len(facts), f"o-{number}".encode(), value))
        tables.apply_order(facts[-1].key, value)
        tables.apply_buyer(None, samples.buyer(buyer_id=buyer_of(number)))
    mark = samples.watermark(DECIDED_MS)
    facts.append(fact("orders", len(facts), MARK, mark))
    for apply in (tables.apply_order, tables.apply_buyer):
        apply(MARK, mark)
    shared.apply_shop(0, MARK, mark)
    shared.apply_catalog(0, MARK, mark)
    tables.vetoes_known_ms = DECIDED_MS
    return judged(tables, shared, facts)


def judged(tables: PartitionTables, shared: SharedTables, facts: list[Rec]) -> View:
    asked = [
        Input(
            number,
            b"k",
            samples.request(
                refund_id=f"r-{number}",
                order_id=f"o-{number}",
                buyer_id=buyer_of(number),
                refund_fen=19_900,
            ),
        )
        for number in range(REQUESTS)
    ]
    site = Site(
        input_topic=INPUT,
        partitions=1,
        record_max_bytes=65_536,
        source_name="/x",
        app_version="1",
    )
    judge = Judge(site, shared, Breaker())
    reads, _ = judge.read(asked, Answers(), tables)
    found = judge.judge(asked, reads, tables, DECIDED_MS)
    outputs: list[Rec] = []
    for output in found.outputs:
        topic = output.topic
        offset = sum(rec.topic == topic for rec in outputs)
        outputs.append(
            Rec(
                topic,
                0,
                offset,
                output.record[0],
                output.value,
                tuple(headers_in(output.record[2])),
            )
        )
    outputs.sort(key=lambda rec: rec.topic)
    return seen(asked, outputs, facts)


def seen(asked: list[Input], outputs: list[Rec], facts: list[Rec]) -> View:
    inputs = [Rec("requests", 0, one.offset, one.key, one.value) for one in asked]
    sent = {(0, one.offset): ASKED_MS + one.offset * 1_000 for one in asked}
    ends = {(name, 0): sum(rec.topic == name for rec in outputs) for name in NAMES}
    begun = OffsetSample({}, {}, ASKED_MS, {0: 0}, 2)
    done = OffsetSample({0: REQUESTS}, ends, ASKED_MS + 100_000, {0: REQUESTS}, 2)
    found = View(
        INPUT,
        inputs,
        outputs,
        (begun, done),
        {POLICY.name: POLICY},
        facts=facts,
        sent=sent,
    )
    return replace(found, heard=heard_of(found))


def heard_of(view: View, late_ms: int = 5) -> tuple[Heard, ...]:
    """What a reader meets that is never more than ``late_ms`` behind."""
    places = {id(rec): place for place, found in view.answers.items() for rec in found}
    return tuple(
        Heard(
            rec.topic,
            rec.partition,
            rec.offset,
            digest_of(rec.key, rec.value, rec.headers),
            view.sent[places[id(rec)]] + late_ms,
            places[id(rec)],
        )
        for rec in view.outputs
    )


def fact(topic: str, offset: int, key: bytes, value: bytes | None) -> Rec:
    return Rec(topic, 0, offset, key, value, (), ASKED_MS)


Corrupt: TypeAlias = Callable[[View, Random], View]


def approval(view: View, rng: Random) -> int:
    """Place of some approval among the outputs, neither the first nor the last one."""
    places = [at for at, rec in enumerate(view.outputs) if rec.topic == "approvals"]
    return rng.choice(places[1:-1])


def with_outputs(view: View, outputs: list[Rec]) -> View:
    numbered: list[Rec] = []
    for rec in outputs:
        offset = sum(one.topic == rec.topic for one in numbered)
        numbered.append(replace(rec, offset=offset))
    found = replace(view, outputs=tuple(numbered), heard=())
    return replace(found, heard=heard_of(found))


def lost(view: View, rng: Random) -> View:
    outputs = list(view.outputs)
    del outputs[approval(view, rng)]
    return with_outputs(view, outputs)


def doubled(view: View, rng: Random) -> View:
    outputs = list(view.outputs)
    at = approval(view, rng)
    outputs.insert(at, outputs[at])
    return with_outputs(view, outputs)


def contradictory(view: View, rng: Random) -> View:
    at = approval(view, rng)
    rec = view.outputs[at]
    other = rec.value.replace(b'"paid"', b'"shipped"', 1) if rec.value else b""
    return with_outputs(view, [*view.outputs, replace(rec, value=other)])


def reordered(view: View, rng: Random) -> View:
    outputs = list(view.outputs)
    at = approval(view, rng)
    outputs[at - 1], outputs[at] = outputs[at], outputs[at - 1]
    return with_outputs(view, outputs)


def committed_early(view: View, rng: Random) -> View:
    begun, done = view.samples
    committed = rng.randrange(1, REQUESTS)
    early = OffsetSample({0: committed}, {}, ASKED_MS + 1, {0: REQUESTS}, 2)
    return replace(view, samples=(begun, early, done))


def against(value_of: Callable[[int], bytes | None]) -> Corrupt:
    """A fact that stands before the watermark and speaks against some approval."""

    def corrupt(view: View, rng: Random) -> View:
        number = int(view.outputs[approval(view, rng)].fields["order_id"][2:])
        told = fact("orders", 0, f"o-{number}".encode(), value_of(number))
        return replace(view, facts=(*view.facts[:-1], told, view.facts[-1]))

    return corrupt


def vetoed(view: View, rng: Random) -> View:
    order_id = view.outputs[approval(view, rng)].fields["order_id"]
    told = fact("outcomes", 0, order_id.encode(), samples.veto(order_id))
    return replace(view, facts=(*view.facts, replace(told, timestamp_ms=0)))


def unknown(view: View, rng: Random) -> View:
    order_id = view.outputs[approval(view, rng)].fields["order_id"].encode()
    return replace(view, facts=[rec for rec in view.facts if rec.key != order_id])


def vanished(view: View, _: Random) -> View:
    inputs = list(view.inputs)
    inputs.pop()
    outputs = [
        rec for rec in view.outputs if rec.fields["refund_id"] != f"r-{REQUESTS - 1}"
    ]
    begun, done = view.samples
    ends = {(name, 0): sum(rec.topic == name for rec in outputs) for name in NAMES}
    last = replace(done, committed={0: REQUESTS - 1}, ends=ends)
    return with_outputs(replace(view, inputs=inputs, samples=(begun, last)), outputs)


def misheard(view: View, rng: Random) -> View:
    heard = list(view.heard)
    at = rng.randrange(len(heard))
    heard[at] = replace(heard[at], digest=b"other")
    return replace(view, heard=tuple(heard))


def unheard(view: View, rng: Random) -> View:
    heard = list(view.heard)
    lane = [at for at, one in enumerate(heard) if one.topic == "approvals"]
    del heard[rng.choice(lane[:-1])]
    return replace(view, heard=tuple(heard))


def stuck(view: View, rng: Random) -> View:
    begun, done = view.samples
    began_ms = ASKED_MS + rng.randrange(1_000)
    growing = [
        OffsetSample({}, {}, began_ms + at * 1_000, {0: 1 + at}, 1) for at in range(40)
    ]
    return replace(view, samples=(begun, *growing, done))


CORRUPTIONS: Final[tuple[tuple[Corrupt, str], ...]] = (
    (lost, "every_offset_is_answered"),
    (doubled, "every_offset_is_answered_once"),
    (contradictory, "one_content_a_decision"),
    (reordered, "order_is_kept"),
    (committed_early, "commits_stay_behind"),
    (
        against(
            lambda number: facts_of(number, order_version=9**15, order_status="shipped")
        ),
        "approvals_are_just",
    ),
    (
        against(lambda number: facts_of(number, order_version=9**15, paid_fen=30_000)),
        "approvals_are_just",
    ),
    (against(lambda _: None), "approvals_are_just"),
    (vetoed, "approvals_are_just"),
    (unknown, "approvals_are_just"),
    (vanished, "acknowledged_is_there"),
    (misheard, "reader_agrees"),
    (unheard, "reader_agrees"),
    (stuck, "nobody_is_stuck"),
)


@pytest.mark.parametrize("seed", SEEDS)
def test_a_right_log_is_right(seed: int) -> None:
    view = right(seed)
    assert problems(view, UNDISTURBED) == []
    kinds = {rec.topic for rec in view.outputs}
    assert kinds == {"approvals", "reviews"}
    assert raw_repeats(view) == 0
    assert late_answers(view) == 0


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize(("corrupt", "oracle"), CORRUPTIONS)
def test_a_corrupted_log_is_found_by_its_oracle(
    corrupt: Corrupt, oracle: str, seed: int
) -> None:
    view = corrupt(right(seed), Random(seed))  # noqa: S311 - a place, no secret
    names = {line.partition(":")[0] for line in problems(view, UNDISTURBED)}
    assert oracle in names


@pytest.mark.parametrize("seed", SEEDS)
def test_a_veto_that_was_lifted_before_the_decision_forbids_nothing(seed: int) -> None:
    view = vetoed(right(seed), Random(seed))  # noqa: S311 - a place, no secret
    stood = view.facts[-1]
    order_id = (stood.key or b"").decode()
    value = (stood.value or b"").replace(b'"veto":true', b'"veto":false')
    value = value.replace(b'"veto": true', b'"veto": false')
    lifted = replace(fact("outcomes", 0, order_id.encode(), value), timestamp_ms=1)
    assert value != stood.value
    assert problems(replace(view, facts=(*view.facts, lifted)), UNDISTURBED) == []


@pytest.mark.parametrize("seed", SEEDS)
def test_facts_that_came_after_the_watermark_need_not_have_been_known(
    seed: int,
) -> None:
    view = right(seed)
    number = int(view.outputs[0].fields["order_id"][2:])
    late = fact(
        "orders",
        99,
        f"o-{number}".encode(),
        facts_of(number, order_version=9**15, order_status="shipped"),
    )
    assert problems(replace(view, facts=(*view.facts, late)), UNDISTURBED) == []


def test_a_snapshot_that_speaks_for_itself_relies_on_no_watermark() -> None:
    """Of a moment after the last watermark: what came before the next one is not known."""
    view = right(0)
    at = next(i for i, rec in enumerate(view.outputs) if rec.topic == "approvals")
    fields = msgspec.json.decode(view.outputs[at].value or b"")
    fields["seen"]["order_as_of_ms"] += 1
    itself = replace(view.outputs[at], value=msgspec.json.encode(fields))
    order_id = fields["order_id"]
    shipped = facts_of(int(order_id[2:]), order_version=9**15, order_status="shipped")
    later = [
        fact("orders", 90, order_id.encode(), shipped),
        fact("orders", 91, MARK, samples.watermark(DECIDED_MS + 1_000)),
    ]
    late = replace(view, facts=(*view.facts, *later))
    outputs = [*view.outputs[:at], itself, *view.outputs[at + 1 :]]
    assert list(approvals_are_just(replace(late, outputs=outputs))) == []


def test_an_order_that_was_long_there_and_not_seen_is_found() -> None:
    view = right(0)
    at = next(i for i, rec in enumerate(view.outputs) if rec.topic == "reviews")
    rec = view.outputs[at]
    fields = msgspec.json.decode(rec.value or b"")
    fields["seen"]["order_absent"] = True
    blind = replace(rec, value=msgspec.json.encode(fields))
    facts = [replace(one, timestamp_ms=DECIDED_MS - 6_000) for one in view.facts]
    outputs = [*view.outputs[:at], blind, *view.outputs[at + 1 :]]
    told = problems(replace(view, outputs=outputs, facts=facts), UNDISTURBED)
    assert any(line.startswith("facts_were_loaded") for line in told)


def test_lag_is_not_held_against_workers_while_nobody_could_look() -> None:
    view = stuck(right(0), Random(0))  # noqa: S311
    blind = [one for one in view.samples if one.committed or one.at_ms % 40_000 < 9_000]
    gap_ms = max(later.at_ms - one.at_ms for one, later in itertools.pairwise(blind))
    assert gap_ms > 5_000
    told = problems(replace(view, samples=blind), UNDISTURBED)
    assert not any(line.startswith("nobody_is_stuck") for line in told)


def test_lag_is_not_held_against_workers_while_they_were_cut_off() -> None:
    view = stuck(right(0), Random(0))  # noqa: S311
    growing = view.samples[1:-1]
    whole = (growing[0].at_ms, growing[-1].at_ms)
    half = (growing[0].at_ms, growing[5].at_ms)
    names = [
        {line.partition(":")[0] for line in problems(replace(view, cut_off=[cut]))}
        for cut in (whole, half)
    ]
    assert ["nobody_is_stuck" in found for found in names] == [False, True]


def test_recovery_counts_from_the_moment_a_request_was_meant_to_be_sent() -> None:
    view = right(1)
    from_ms, until_ms = ASKED_MS + 20_500, ASKED_MS + 30_500
    calm = recovery(view, from_ms, until_ms)
    assert (calm.back_ms, calm.longest_gap_ms) == (0, 5)
    assert (calm.p99_before_ms, calm.p99_after_ms) == (5, 5)
    heard = tuple(
        replace(one, at_ms=max(one.at_ms, until_ms + 2_000))
        if from_ms <= one.at_ms <= until_ms
        else one
        for one in view.heard
    )
    late = recovery(replace(view, heard=heard), from_ms, until_ms)
    assert late.back_ms == 2_000
    # From 21,000, when a request began to wait, until any was answered at 31,005.
    assert late.longest_gap_ms == 10_005
    assert (late.p99_before_ms, late.p99_after_ms) == (5, 5)
    assert (calm.p99_during_ms, late.p99_during_ms) == (5, 11_500)
    assert longest_gap_ms(view.sent, heard, from_ms) == 10_005
    assert longest_gap_ms(view.sent, view.heard, from_ms) == 5


def test_raw_repeats_and_late_answers_are_counted() -> None:
    view = right(2)
    assert raw_repeats(doubled(view, Random(2))) == 1  # noqa: S311
    assert late_answers(reordered(view, Random(2))) == 1  # noqa: S311


def test_a_percentile_is_a_value_that_was_measured() -> None:
    assert percentile([], 99) is None
    assert percentile([7], 99) == 7
    assert percentile(range(1, 101), 99) == 99
    assert percentile(range(1, 101), 50) == 50


def test_judging_keeps_nothing_of_the_records_it_read() -> None:
    """A run of two hours has millions; their fields would not fit into any machine."""
    view = right(1)
    read = sum(len(rec.value or b"") for rec in (*view.outputs, *view.facts))
    tracemalloc.start()
    try:
        assert problems(view, UNDISTURBED) == []
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert most < 2 * read


@pytest.mark.parametrize(("partition", "told"), [(0, 1), (1, 1), (2, 1), (3, 0)])
def test_an_approval_on_an_order_in_another_partition_than_its_buyers_is_found(
    partition: int, told: int
) -> None:
    """``b-77`` is at home in partition 3 of 4."""
    order = {
        "order_id": "o-1",
        "order_version": 1,
        "buyer_id": "b-77",
        "order_status": "paid",
        "paid_fen": 19_900,
        "lines": [{"shipped_count": 0}],
    }
    approval = {
        "decision_id": "FR:r-1:1",
        "refund_id": "r-1",
        "order_id": "o-1",
        "seen": {"order_version": 1, "order_as_of_ms": 5},
        "decided_at_ms": 10,
    }
    row = Rec("orders", partition, 0, b"o-1", json.dumps(order).encode())
    decided = Rec("approvals", partition, 0, b"r-1", json.dumps(approval).encode())
    view = View("requests", (), (decided,), facts=(row,), partitions=4)
    found = list(approvals_are_just(view))
    assert len(found) == told
