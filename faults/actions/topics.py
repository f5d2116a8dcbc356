"""Faults 26 to 28: topics that are another log than before, under the same name."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import chain
from typing import Final

import orjson

from faults.judge.checks import (
    WITHOUT_ZOMBIES,
    commits_stay_behind,
)
from faults.judge.observer import nobody_is_stuck
from faults.judge.view import Rec, View
from faults.lab_logs import OUTPUTS, now_ms
from faults.run import FaultRun, JudgedPart
from faults.topic_changes import (
    add_partitions,
    make_anew,
    set_committed,
)
from faults.waiting import eventually
from testkit.rows import PARTITIONS, Row
from testkit.world import turned

_TOGETHER_S: Final = 4.0
"""Load before and after a change, so that both logs hold something."""
_SLACK_MS: Final = 1_000
_SOME: Final = 300
_MORE: Final = PARTITIONS + 2


async def requests_anew(run: FaultRun) -> None:
    """26: the requests are made anew, under live workers or under stopped ones."""
    await run.load.hold()
    await run.no_lag()
    await run.watch.caught_up()
    live = run.seed % 2 == 1
    if not live:
        for worker in run.supervisor.workers:
            run.supervisor.kill_for_good(worker)
    outputs = await run.lab.ends(*OUTPUTS)
    heard = len(run.watch.heard)
    run.load.sent.clear()
    run.watch.answered.clear()
    await make_anew(run.lab, "requests")
    run.note(f"requests are made anew under {'live' if live else 'stopped'} workers")
    run.load.go_on()
    if live:
        await _all_ask_for_a_person(run, "requests: deleted and recreated")
    await run.pass_s(_TOGETHER_S)
    for worker in run.supervisor.workers:
        run.supervisor.start(worker)
    if live and await run.lab.committed():
        await _all_ask_for_a_person(run, "since the group")
        run.note("what they committed since is refused; somebody sets it back")
        await set_committed(run.lab, dict.fromkeys(range(PARTITIONS), 0))
        for worker in run.supervisor.workers:
            run.supervisor.start(worker)
    await run.supervisor.ready(90)

    def split(view: View) -> Sequence[JudgedPart]:
        later = [
            rec
            for rec in view.outputs
            if rec.offset >= outputs.get((rec.topic, rec.partition), 0)
        ]
        new = replace(view, outputs=later, samples=(), heard=view.heard[heard:])
        left_out = (commits_stay_behind, nobody_is_stuck)
        return [(new, [one for one in WITHOUT_ZOMBIES if one not in left_out])]

    run.split = split


async def outcomes_anew(run: FaultRun) -> None:
    """27: the outcomes are made anew, and vetoes are written to the new topic."""
    before, after = _orders_ahead(run, _SOME), _orders_ahead(run, 2 * _SOME)[_SOME:]
    await run.lab.put(*_vetoes(before))
    await run.pass_s(_TOGETHER_S / 2)
    await make_anew(run.lab, "outcomes")
    run.watch.from_start("outcomes")
    await run.lab.put(*_vetoes(after))
    run.note(f"outcomes are made anew, and {len(after)} orders vetoed")
    await _all_ask_for_a_person(run, "recreated")
    await run.lab.put(*_newest(run.watch.facts, "outcomes"))
    run.note("the feed has written all outcomes again")
    for worker in run.supervisor.workers:
        run.supervisor.start(worker)
    await run.supervisor.ready(90)


async def facts_parted(run: FaultRun) -> None:
    """28: orders or catalogue get partitions, and facts go where nobody reads."""
    topic = "orders" if run.seed % 2 == 1 else "catalog"
    some = _orders_ahead(run, _SOME)
    await add_partitions(run.lab, topic, _MORE)
    changed_ms = now_ms()
    if topic == "orders":
        hidden: list[Row] = list(turned(some, 1_000_000))
    else:
        hidden = [_excluded()]
    await run.lab.put(*(replace(one, partition=_MORE - 1) for one in hidden))
    run.note(f"{topic} has {_MORE} partitions, {len(hidden)} facts are in the new ones")
    await _all_ask_for_a_person(run, f"{topic}: {_MORE} partitions now")
    for worker in run.supervisor.workers:
        run.supervisor.start(worker)
    await _all_ask_for_a_person(run, f"{topic}: {_MORE} partitions, declared")
    approvals = await run.lab.records("approvals")
    wrong = [rec for rec in approvals if _relied_on(rec, topic, some, changed_ms)]
    run.expect(not wrong, f"{len(wrong)} approvals vouched for by old partitions")
    await make_anew(run.lab, topic)
    run.watch.from_start(topic)
    await run.lab.put(*_newest(run.watch.facts, topic))
    run.note(f"{topic} is made anew, with the partitions that it must have, and filled")
    for worker in run.supervisor.workers:
        run.supervisor.start(worker)
    await run.supervisor.ready(90)


def _excluded() -> Row:
    fields = {"id": "category:clothing", "excluded": True, "kind": "excluded"}
    return Row("catalog", 0, b"category:clothing", orjson.dumps(fields))


def _relied_on(rec: Rec, topic: str, orders: Iterable[Row], since_ms: int) -> bool:
    """Whether an approval says that it knows what was written to the new partitions."""
    fields = rec.fields
    seen = fields["seen"]
    if topic == "catalog":
        return bool((seen.get("lists_as_of_ms") or 0) > since_ms + _SLACK_MS)
    ids = {orjson.loads(one.value or b"{}")["order_id"] for one in orders}
    known_ms = seen.get("order_as_of_ms") or 0
    return fields["order_id"] in ids and known_ms > since_ms + _SLACK_MS


async def _all_ask_for_a_person(run: FaultRun, words: str) -> None:
    """Wait until every worker has ended with code 2, and said why."""

    async def all_gone() -> bool:
        return len(run.supervisor.given_up) == len(run.supervisor.workers)

    await eventually(all_gone, 60)
    run.note(f"workers ended with {run.supervisor.codes}")
    run.expect(
        {code for _, code in run.supervisor.codes} == {2},
        f"exit codes {run.supervisor.codes}",
    )
    for worker in run.supervisor.workers:
        last = worker.text().splitlines()[-1]
        run.expect(words in last, f"{worker.name} says: {last}")
    run.supervisor.given_up.clear()  # they asked for a person, and one came


def _orders_ahead(run: FaultRun, count: int) -> list[Row]:
    """Return orders whose requests are still to be sent."""
    ahead = {
        orjson.loads(one.value or b"{}").get("order_id")
        for one in run.load.ahead(20 * count)
        if one.value and one.value.startswith(b'{"event_id"')
    }
    orders = [one for one in run.load.world.facts[0] if one.topic == "orders"]
    found = [one for one in orders if (one.key or b"").decode() in ahead]
    return found[:count]


def _vetoes(orders: Iterable[Row]) -> list[Row]:
    return [
        Row(
            "outcomes",
            one.partition,
            one.key,
            orjson.dumps({"order_id": (one.key or b"").decode(), "veto": True}),
        )
        for one in orders
    ]


def _newest(facts: Sequence[Rec], topic: str) -> list[Row]:
    """Return what a feed writes again: the newest record under each key."""
    newest: dict[tuple[int, bytes | None], tuple[int, Rec]] = {}
    rows = [rec for rec in facts if rec.topic == topic and not _is_mark(rec)]
    kept = (rec for rec in rows if topic == "outcomes")
    for rec in rows:
        version = (rec.fields.get("order_version") if rec.value else None) or 0
        known = newest.get((rec.partition, rec.key))
        if known is None or version >= known[0]:
            newest[rec.partition, rec.key] = version, rec
    found = kept if topic == "outcomes" else (rec for _, rec in newest.values())
    return [Row(topic, one.partition, one.key, one.value) for one in chain(found)]


def _is_mark(rec: Rec) -> bool:
    return (rec.key or b"").startswith(b"__watermark__")
