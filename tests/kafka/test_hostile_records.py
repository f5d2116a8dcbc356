"""One record never stops the world: every kind of hostile one, on a real broker."""

import json
from pathlib import Path
from typing import Final

import pytest
from aiokafka import TopicPartition
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType

from faults.hostile import batches, bomb
from faults.judge.answers import too_large
from faults.judge.checks import UNDISTURBED
from faults.judge.view import Rec, View
from faults.lab import DATED, FACTS, Lab, laboratory
from faults.lab_logs import now_ms
from faults.raw import put
from faults.waiting import eventually
from testkit.rows import PARTITIONS
from testkit.scenarios.lists import lists
from testkit.scenarios.script import Script
from testkit.scenarios.single import SINGLE, single
from tests.kafka.conftest import Kafka

pytestmark = pytest.mark.asyncio

CASES: Final = [one for one in SINGLE.values() if one.era == "now" and one.codes]
HOSTILE: Final = b'{"hostile": true}'
"""A fact of nobody: whatever its record is like, it is a dead letter."""
SMALL_BYTES: Final = 200_000
"""What the topic of reviews takes here."""
MANY: Final = 12_000


async def test_whatever_a_broker_takes_is_answered_or_has_a_letter_and_harms_nothing_else(
    kafka: Kafka, topics: str, tmp_path: Path
) -> None:
    async with laboratory(kafka.bootstrap, topics, tmp_path) as lab:
        await limit(lab, "reviews", SMALL_BYTES)
        told = [single(case)(at, now_ms()) for at, case in enumerate(CASES)]
        long = long_order(len(told))
        facts = await hostile_facts(lab)
        await lab.put(*lists(now_ms()))
        await lab.put(*[one for script in (*told, long) for _, one in script.facts])
        await hostile_requests(lab, 0)
        async with lab.fresh(*DATED), lab.sampling():
            workers = [await lab.started() for _ in range(2)]
            workers.append(await lab.started(REFUND_WORKER__ROLES="ingest"))
            facts |= await hostile_events(lab)
            rows = [one for script in (*told, long) for _, one in script.requests]
            await lab.put(*rows[::2])
            await hostile_requests(lab, 1)
            await lab.put(*rows[1::2])
            await lab.caught_up()
            await eventually(lambda: buried(lab, facts))
            assert [worker.code for worker in workers] == [None, None, None]
            view = await lab.checked(UNDISTURBED)
            # Who comes next reads all of it again, and the outputs; these are not ours.
            await hostile_outputs(lab)
            for worker in workers:
                worker.stop_anyhow()
            later = await lab.started()
            await lab.put(*rows[:10])
            await lab.caught_up()
            assert later.running
    for script in told:
        for (identity, withdrawal), codes in script.expected.items():
            assert view.reasons(identity, withdrawal=withdrawal) == codes, identity
    check_cut(view, long)


def long_order(number: int) -> Script:
    """A request on an order of so many lines that its decision does not fit its topic."""
    script = Script(number, now_ms())
    script.buyer()
    script.order(lines=[{}] * MANY)
    script.request("ORDER_DETAIL_UNKNOWN")
    return script


def check_cut(view: View, script: Script) -> None:
    ((identity, _),) = script.expected
    decision = view.first[identity, False]
    assert decision.fields["reason_codes"] == ["ORDER_DETAIL_UNKNOWN"]
    seen = decision.fields["seen"]
    assert "paths" in seen["cut"]
    assert seen["paths"] == []
    assert len(decision.value or b"") < SMALL_BYTES


async def limit(lab: Lab, topic: str, size: int) -> None:
    values = {"max.message.bytes": str(size)}
    name = lab.prefix + topic
    resource = ConfigResource(ConfigResourceType.TOPIC, name, configs=values)
    await lab.admin.alter_configs([resource])


async def hostile_facts(lab: Lab) -> set[tuple[str, int, int]]:
    """Write every kind into every fact topic; return where a letter must come from."""
    due: set[tuple[str, int, int]] = set()
    for at, topic in enumerate((*FACTS, "policies")):
        number = 0 if topic == "policies" else at % PARTITIONS
        where = TopicPartition(lab.prefix + topic, number)
        for _, batch in batches(lambda one: (b"hostile-%d" % one, HOSTILE)):
            await put(lab.producer, where, batch)
    for rec in await lab.records(*FACTS):
        due.add((lab.prefix + rec.topic, rec.partition, rec.offset))
    where = TopicPartition(lab.prefix + "policies", 0)
    lab.reader.assign([where])
    await lab.reader.seek_to_beginning(where)
    end = (await lab.reader.end_offsets([where]))[where]
    while await lab.reader.position(where) < end:
        for record in (await lab.reader.getmany(timeout_ms=200)).get(where, ()):
            rec = lab.rec(record)
            if too_large(rec) or rec.header(
                "refund_unread"
            ):  # others: another family's
                due.add((where.topic, 0, rec.offset))
    return due


async def hostile_events(lab: Lab) -> set[tuple[str, int, int]]:
    """Write every kind into the platform's events; all of them are due a letter."""
    where = TopicPartition(lab.settings.topics.events, 2)
    due = 0
    for _, batch in batches(lambda one: (b"hostile-%d" % one, b'{"event": 7}')):
        await put(lab.producer, where, batch)
        due += batch.record_count()
    return {(*where, offset) for offset in range(due)}


async def buried(lab: Lab, due: set[tuple[str, int, int]]) -> bool:
    letters = await lab.records("dead-letters")
    return due <= {origin(one) for one in letters}


async def hostile_outputs(lab: Lab) -> None:
    """Write what is not ours into output topics: a take-over reads it."""
    for topic in ("approvals", "skipped", "notices", "dead-letters"):
        where = TopicPartition(lab.prefix + topic, 1)
        for _, batch in batches(lambda one: (b"hostile-%d" % one, HOSTILE)):
            await put(lab.producer, where, batch)


async def hostile_requests(lab: Lab, number: int) -> None:
    """Write every kind into one partition of requests, with good requests in between."""
    where = TopicPartition(lab.input_topic, number)

    def good(one: int) -> tuple[bytes, bytes]:
        name = f"hostile-{number}-{one}-{now_ms()}"
        return name.encode(), json.dumps({"refund_id": name, "action": "open"}).encode()

    for _, batch in batches(good):
        await put(lab.producer, where, batch)
    if number:
        await put(lab.producer, where, bomb(b"bomb"))


def origin(letter: Rec) -> tuple[str, int, int]:
    topic, partition, offset = (
        letter.header(f"refund_dlq_{name}") for name in ("topic", "partition", "offset")
    )
    return topic or "", int(partition or -1), int(offset or -1)
