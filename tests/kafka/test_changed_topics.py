"""Topics that change under a worker: nothing is passed over or approved in silence."""

import re
from collections.abc import Iterable
from pathlib import Path

import pytest
from aiokafka import TopicPartition
from aiokafka.admin import RecordsToDelete

from faults.judge.view import answered_place
from faults.lab import Lab, laboratory
from faults.topic_changes import foreign_transaction, make_anew, set_committed
from faults.waiting import eventually
from faults.workers import WorkerProcess
from testkit.rows import Row, row
from tests.kafka.conftest import Kafka

pytestmark = pytest.mark.asyncio


def asked(kind: str, count: int) -> list[Row]:
    """Requests of nobody knows whom: each goes to a person."""
    return [
        row(
            "requests",
            f"b-{number}",
            f"{kind}-{number}",
            refund_id=f"{kind}-{number}",
            refund_version=1,
            action="open",
            buyer_id=f"b-{number}",
        )
        for number in range(count)
    ]


def named(rows: Iterable[Row]) -> set[str]:
    return {(one.key or b"").decode() for one in rows}


async def answered(lab: Lab) -> set[str]:
    return {rec.fields["refund_id"] for rec in await lab.records("reviews")}


async def shows(worker: WorkerProcess, counted: str, count: int) -> bool:
    return await worker.metric(counted) == count


async def ended(worker: WorkerProcess, code: int, *words: str) -> None:
    assert await worker.exit_code(60) == code, worker.tail()
    last = worker.text().splitlines()[-1]
    assert all(word in last for word in words), worker.tail()


async def test_requests_of_a_topic_made_anew_are_answered_or_named_and_a_worker_says_so(
    kafka: Kafka, topics: str, tmp_path: Path
) -> None:
    async with laboratory(kafka.bootstrap, topics, tmp_path) as lab:
        # As retention does with requests that are dated 1970, before anybody reads them.
        await lab.put(*asked("gone", 20))
        gone = {
            TopicPartition(lab.input_topic, number): RecordsToDelete(end)
            for (_, number), end in (await lab.ends("requests")).items()
        }
        await lab.admin.delete_records(gone)
        worker = await lab.started()
        counted = f'refund_deleted_unread_total{{topic="{lab.input_topic}"}}'
        await eventually(lambda: shows(worker, counted, 20))
        assert worker.text().count("were deleted before they were read") == len(gone)
        old, new = asked("old", 40), asked("new", 60)
        await lab.put(*old)
        await lab.caught_up()
        await make_anew(lab, "requests")
        await lab.put(*new)
        await ended(worker, 2, "requests: deleted and recreated while in use")
        if await lab.committed():  # what it committed for the old one after that
            worker.start()
            await ended(worker, 2, "since the group", "--reset-offsets --to-earliest")
        # Somebody sets the offsets too far, past requests that nobody has decided.
        await set_committed(lab, dict.fromkeys(range(4), 5))
        passed = {
            (rec.key or b"").decode()
            for rec in await lab.records("requests")
            if rec.offset < 5
        } - await answered(lab)
        worker.start()
        await worker.ready()
        await lab.caught_up()
        assert await answered(lab) == named(old) | (named(new) - passed)
        told = re.findall(
            r": (\d+) requests before the committed offset 5", worker.text()
        )
        assert sum(map(int, told)) == len(passed) > 0
        counted = f'refund_unanswered_offsets_total{{topic="{lab.input_topic}"}}'
        await eventually(lambda: shows(worker, counted, len(passed)))


async def test_a_worker_waits_for_outputs_behind_an_open_transaction_and_ends_on_new_facts(
    kafka: Kafka, topics: str, tmp_path: Path
) -> None:
    async with laboratory(kafka.bootstrap, topics, tmp_path) as lab:
        worker = await lab.started()
        rows = asked("r", 20)
        async with foreign_transaction(lab, "reviews"):
            await lab.put(*rows)
            await lab.caught_up()
            worker.terminate()
            assert await worker.exit_code(30) == 0, worker.tail()
            await lab.put(*rows)
            worker.start()

            async def told() -> bool:
                return "reviews cannot be read to its end" in await worker.says(
                    "readyz"
                )

            await eventually(told, 60)
            assert not await worker.answers("readyz")
        await worker.ready()
        await lab.caught_up()
        view = await lab.view()
        values: dict[str, set[bytes | None]] = {}
        for rec in view.decisions:
            values.setdefault(rec.fields["refund_id"], set()).add(rec.value)
        assert all(len(one) == 1 for one in values.values())  # none decided otherwise
        places = [answered_place(rec, view.input_topic) for rec in view.decisions]
        assert len(places) == len(set(places)) == 2 * len(rows)
        await make_anew(lab, "outcomes")
        await ended(worker, 2, "outcomes: deleted and recreated while in use")
