"""The writer: order within a partition, patience without a leader, and what a fail-over takes."""

import asyncio

from simulation.timed import Timed
from simulation.writing import Writer
from testkit.rows import Row
from tests.simulation.scene import Scene, inside


def rows(*moments_us: int, topic: str = "requests", first: int = 0) -> list[Timed]:
    return [
        Timed(at_us, Row(topic, 0, b"k", b"%d" % number))
        for number, at_us in enumerate(moments_us, first)
    ]


class Written:
    """A writer in a universe, and what it was told to be acknowledged."""

    def __init__(self, scene: Scene, *timed: Timed) -> None:
        self.acknowledged: list[int] = []
        self.writer = Writer(
            scene.cluster,
            lambda topic: f"refund.{topic}",
            lambda place, _: self.acknowledged.append(place[1]),
        )
        scene.cluster.observer = self.writer
        self.writer.begin(timed)

    def done(self) -> bool:
        return self.writer.done


def values(scene: Scene, topic: str = "requests") -> list[bytes | None]:
    return [one.value for one in scene.partition(topic).log.decode()]


def test_what_is_there_from_the_beginning_is_written_at_once_in_few_batches() -> None:
    async def say(scene: Scene) -> None:
        written = Written(scene, *rows(*[0] * 450))
        log = scene.partition("requests").log
        assert [batch.base_offset for batch in log.batches()] == [0, 200, 400]
        assert written.done()
        assert written.acknowledged == list(range(450))

    inside(say)


def test_rows_are_written_at_their_moments_in_their_order() -> None:
    async def say(scene: Scene) -> None:
        written = Written(scene, *rows(0, 500_000, 500_000, 900_000))
        assert values(scene) == [b"0"]
        await asyncio.sleep(0.6)
        assert values(scene) == [b"0", b"1", b"2"]
        assert not written.done()
        await asyncio.sleep(0.4)
        assert values(scene) == [b"0", b"1", b"2", b"3"]
        assert written.done()

    inside(say)


def test_without_a_leader_rows_wait_and_keep_their_order() -> None:
    async def say(scene: Scene) -> None:
        written = Written(scene, *rows(100_000, 200_000, 300_000))
        for node in scene.cluster.nodes:
            scene.universe.running.node_down(node)
        await asyncio.sleep(1)
        assert values(scene) == []
        assert not written.done()
        for node in scene.cluster.nodes:
            await scene.universe.running.node_up(node)
        await asyncio.sleep(0.1)
        assert values(scene) == [b"0", b"1", b"2"]
        assert written.acknowledged == [0, 1, 2]

    inside(say)


def test_a_row_counts_once_every_replica_in_sync_has_it() -> None:
    async def say(scene: Scene) -> None:
        partition = scene.partition("requests")
        slow = next(node for node in partition.isr if node != partition.leader)
        scene.cluster.topics.slow(slow)
        written = Written(scene, *rows(0))
        assert values(scene) == [b"0"]
        assert not written.done()
        assert written.acknowledged == []
        scene.cluster.topics.catch_up(slow)
        assert written.done()
        assert written.acknowledged == [0]

    inside(say)


def test_what_a_fail_over_takes_is_written_again_once_and_in_order() -> None:
    async def say(scene: Scene) -> None:
        partition = scene.partition("requests")
        leader = partition.leader
        assert leader is not None
        heir = next(node for node in partition.isr if node != leader)
        written = Written(scene, *rows(0, 100_000, 200_000, 900_000))
        await asyncio.sleep(0.05)
        assert not written.done()
        scene.cluster.topics.slow(heir)
        await asyncio.sleep(0.2)
        assert values(scene) == [b"0", b"1", b"2"]
        partition.lead(heir)
        assert values(scene) == [b"0"], "the new leader has no more"
        scene.cluster.topics.catch_up(heir)
        await asyncio.sleep(0.1)
        assert values(scene) == [b"0", b"1", b"2"]
        await asyncio.sleep(0.7)
        assert values(scene) == [b"0", b"1", b"2", b"3"]
        assert written.done()
        assert written.acknowledged == [0, 1, 2, 3]

    inside(say)


def test_only_requests_are_acknowledged_to_a_sender() -> None:
    async def say(scene: Scene) -> None:
        written = Written(scene, *rows(0, topic="orders"))
        assert written.done()
        assert written.acknowledged == []

    inside(say)


def test_too_few_replicas_in_sync_are_waited_for() -> None:
    async def say(scene: Scene) -> None:
        running = scene.universe.running
        partition = scene.partition("requests")
        others = [node for node in scene.cluster.nodes if node != partition.leader]
        for node in others:
            running.node_down(node)
        written = Written(scene, *rows(0))
        await asyncio.sleep(0.2)
        assert values(scene) == []
        await running.node_up(others[0])
        await asyncio.sleep(0.2)
        assert values(scene) == [b"0"]
        assert written.done()

    inside(say)
