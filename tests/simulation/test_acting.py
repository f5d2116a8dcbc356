"""Actions: each is carried out, its effect is seen, and it ends by itself."""

import asyncio
from typing import get_args

import pytest
from aiokafka import AIOKafkaConsumer
from aiokafka.errors import KafkaConnectionError

from simulation import actions
from simulation.acting import Actor
from simulation.actions import Action
from testkit.simulated import loop
from tests.simulation.scene import Scene, inside


async def connects(host: str, node: int = 1) -> bool:
    """Tell whether somebody on a host gets a connection to a broker."""

    async def knock() -> bool:
        try:
            _, writer = await asyncio.open_connection(f"broker-{node}", 9092)
        except OSError:
            return False
        writer.close()
        await writer.wait_closed()
        return True

    return bool(await loop.spawn(knock(), host=host))


def begun(scene: Scene, action: Action) -> "asyncio.Task[None]":
    """Begin an action."""
    return asyncio.ensure_future(scene.universe.actor.act(action))


def test_every_action_of_a_plan_is_known() -> None:
    known = {*vars(Actor)["act"].dispatcher.registry} - {object}
    assert known == {
        one for kind in get_args(Action) for one in get_args(kind) or [kind]
    }


def test_what_is_no_action_is_refused() -> None:
    async def say(scene: Scene) -> None:
        with pytest.raises(TypeError, match="nobody knows"):
            await scene.universe.actor.act("kill")

    inside(say)


# -- workers -----------------------------------------------------------------------------


def test_a_worker_is_killed_and_comes_back() -> None:
    async def say(scene: Scene) -> None:
        await scene.ready(1)
        acting = begun(scene, actions.KillWorker(at_us=0, worker=1, back_ms=500))
        await asyncio.sleep(0.4)
        assert scene.alive == []
        await acting
        assert scene.alive == [1]
        assert scene.fleet.workers[1].exit_codes == [None]

    inside(say)


def test_a_worker_whose_machine_is_lost_leaves_its_connections_behind() -> None:
    async def say(scene: Scene) -> None:
        await scene.ready(1)
        held = [len(one.connections) for one in scene.universe.running.servers.values()]
        await scene.universe.actor.act(
            actions.LoseMachine(at_us=0, worker=1, back_ms=None)
        )
        await asyncio.sleep(0.5)
        assert scene.fleet.workers[1].exit_codes == [None]
        assert held == [
            len(one.connections) for one in scene.universe.running.servers.values()
        ]

    inside(say)


def test_a_worker_gets_a_signal_twice_and_comes_back() -> None:
    async def say(scene: Scene) -> None:
        await scene.ready(1)
        await scene.universe.actor.act(
            actions.StopWorker(
                at_us=0, worker=1, signal="SIGTERM", again_ms=1, back_ms=100
            )
        )
        assert scene.fleet.workers[1].exit_codes == [0]
        assert scene.fleet.workers[1].alive
        assert scene.said_of("worker-1").count("SIGTERM") == 2

    inside(say)


def test_a_suspended_worker_answers_nothing_and_then_goes_on() -> None:
    async def say(scene: Scene) -> None:
        await scene.ready(1)
        acting = begun(scene, actions.PauseWorker(at_us=0, worker=1, for_ms=800))
        await asyncio.sleep(0.1)
        scene.put("requests", b"no request")
        await asyncio.sleep(0.6)
        letters = scene.partition("dead-letters").log
        assert letters.end_offset == 0
        await acting
        await scene.until(lambda: letters.end_offset == 1)

    inside(say)


def test_a_worker_is_stopped_while_it_starts() -> None:
    async def say(scene: Scene) -> None:
        await scene.ready(1)
        await scene.universe.actor.act(
            actions.CancelStart(at_us=0, worker=1, after_us=5_000, back_ms=100)
        )
        assert scene.fleet.workers[1].exit_codes == [None, 0]
        assert scene.fleet.workers[1].alive

    inside(say)


def test_a_worker_is_added() -> None:
    async def say(scene: Scene) -> None:
        await scene.universe.actor.act(actions.AddWorker(at_us=0, worker=3))
        assert [one.name for one in scene.fleet.workers.values()] == ["worker-3"]

    inside(say)


@pytest.mark.parametrize(
    "action",
    [
        actions.KillWorker(at_us=0, worker=9, back_ms=None),
        actions.LoseMachine(at_us=0, worker=9, back_ms=None),
        actions.StopWorker(
            at_us=0, worker=9, signal="SIGTERM", again_ms=1, back_ms=None
        ),
        actions.PauseWorker(at_us=0, worker=9, for_ms=10),
        actions.MoveLeader(at_us=0, topic="requests", partition=9),
        actions.DeleteDecided(at_us=0, partition=9),
        actions.TruncateLog(at_us=0, topic="requests", partition=9, records=1),
        actions.UncleanElection(at_us=0, topic="requests", partition=9, records=1),
        actions.ForeignTransaction(
            at_us=0, topic="requests", partition=9, for_ms=1, commit=True
        ),
    ],
    ids=lambda one: type(one).__name__,
)
def test_an_action_that_finds_nothing_to_act_on_does_nothing(action: Action) -> None:
    async def say(scene: Scene) -> None:
        await scene.universe.actor.act(action)
        assert scene.told == []

    inside(say)


# -- brokers and the network -------------------------------------------------------------


def test_a_broker_is_down_for_a_while() -> None:
    async def say(scene: Scene) -> None:
        acting = begun(scene, actions.NodeDown(at_us=0, node=1, for_ms=500))
        await asyncio.sleep(0.2)
        assert not await connects("worker-1")
        assert {one.leader for one in scene.cluster.topics.partitions()} == {2, 3}
        await acting
        assert await connects("worker-1")

    inside(say)


def test_a_broker_is_suspended_for_a_while() -> None:
    async def say(scene: Scene) -> None:
        acting = begun(scene, actions.PauseNode(at_us=0, node=1, for_ms=500))
        await asyncio.sleep(0.2)
        assert not scene.cluster.nodes[1].running.is_set()
        assert await connects("worker-1")
        await acting
        assert scene.cluster.nodes[1].running.is_set()

    inside(say)


def test_all_brokers_are_away_for_a_while() -> None:
    async def say(scene: Scene) -> None:
        acting = begun(scene, actions.ClusterAway(at_us=0, for_ms=500))
        await asyncio.sleep(0.2)
        assert scene.cluster.live_nodes() == []
        assert {one.leader for one in scene.cluster.topics.partitions()} == {None}
        client = AIOKafkaConsumer(bootstrap_servers=scene.universe.running.bootstrap)
        with pytest.raises(KafkaConnectionError):
            await client.start()
        await client.stop()
        await acting
        assert len(scene.cluster.live_nodes()) == 3
        assert None not in {one.leader for one in scene.cluster.topics.partitions()}

    inside(say)


def test_a_slow_replica_is_behind_and_at_last_has_everything() -> None:
    async def say(scene: Scene) -> None:
        partition = scene.partition("requests")
        slow = next(node for node in partition.isr if node != partition.leader)
        acting = begun(
            scene, actions.SlowReplica(at_us=0, node=slow, lag_ms=200, for_ms=500)
        )
        await asyncio.sleep(0.05)
        scene.put("requests", b"a")
        assert partition.log.high_watermark == 0
        await asyncio.sleep(0.2)
        assert partition.log.high_watermark == 1
        scene.put("requests", b"b")
        await acting
        assert partition.ends[slow] == partition.log.high_watermark == 2

    inside(say)


def test_a_partition_gets_another_leader() -> None:
    async def say(scene: Scene) -> None:
        partition = scene.partition("approvals", 1)
        before = partition.leader
        await scene.universe.actor.act(
            actions.MoveLeader(at_us=0, topic="approvals", partition=1)
        )
        assert partition.leader not in (before, None)
        assert partition.leader_epoch == 1

    inside(say)


def test_the_coordinators_of_the_group_and_of_transactions_move() -> None:
    async def say(scene: Scene) -> None:
        groups, transactions = scene.cluster.groups, scene.cluster.transactions
        before = groups.coordinator_node("refund-decide")
        await scene.universe.actor.act(actions.MoveCoordinator(at_us=0, of="group"))
        assert groups.coordinator_node("refund-decide") not in (before, None)
        await scene.universe.actor.act(
            actions.MoveCoordinator(at_us=0, of="transactions")
        )
        assert list(transactions.by_id) == []

    inside(say)


def test_connections_are_reset_and_made_again() -> None:
    async def say(scene: Scene) -> None:
        await scene.ready(1)
        servers = scene.universe.running.servers.values()
        before = {id(one) for server in servers for one in server.connections.values()}
        assert before
        await scene.universe.actor.act(
            actions.ResetConnections(at_us=0, node=None, worker=None)
        )
        await asyncio.sleep(3)
        after = {id(one) for server in servers for one in server.connections.values()}
        assert after
        assert not after & before

    inside(say)


def test_a_broker_refuses_connections_for_a_while() -> None:
    async def say(scene: Scene) -> None:
        acting = begun(scene, actions.RefuseConnections(at_us=0, node=2, for_ms=500))
        await asyncio.sleep(0.2)
        assert not await connects("worker-1", 2)
        assert await connects("worker-1", 1)
        await acting
        assert await connects("worker-1", 2)

    inside(say)


def test_a_broker_that_is_down_meanwhile_goes_on_refusing() -> None:
    async def say(scene: Scene) -> None:
        scene.universe.running.node_down(2)
        await scene.universe.actor.act(
            actions.RefuseConnections(at_us=0, node=2, for_ms=10)
        )
        assert not await connects("worker-1", 2)

    inside(say)


def test_nothing_gets_through_a_network_that_is_cut() -> None:
    async def say(scene: Scene) -> None:
        acting = begun(
            scene, actions.CutNetwork(at_us=0, worker=1, node=None, for_ms=500)
        )
        await asyncio.sleep(0.1)
        cut = asyncio.ensure_future(connects("worker-1"))
        assert await connects("worker-2")
        await asyncio.sleep(0.1)
        assert not cut.done()
        await acting
        assert await connects("worker-1")
        await cut

    inside(say)


def test_a_slow_network_takes_longer_one_way() -> None:
    async def say(scene: Scene) -> None:
        async def took_s() -> float:
            before_s = scene.now_s()
            assert await connects("worker-1")
            return scene.now_s() - before_s

        usual_s = await took_s()
        acting = begun(
            scene,
            actions.SlowNetwork(at_us=0, worker=1, extra_us=50_000, for_ms=1_000),
        )
        await asyncio.sleep(0)
        assert await took_s() > usual_s + 0.04
        await acting
        assert await took_s() < usual_s + 0.04

    inside(say)


# -- topics ------------------------------------------------------------------------------


def test_a_topic_is_compacted() -> None:
    async def say(scene: Scene) -> None:
        scene.put("orders", b"1", b"2", b"3")
        await scene.universe.actor.act(actions.CompactTopic(at_us=0, topic="orders"))
        left = [one.value for one in scene.partition("orders").log.decode()]
        assert left[-1] == b"3"
        assert b"1" not in left

    inside(say)


def test_what_is_decided_and_committed_is_deleted() -> None:
    async def say(scene: Scene) -> None:
        delete = actions.DeleteDecided(at_us=0, partition=0)
        scene.put("requests", b"1", b"2")
        await scene.universe.actor.act(delete)
        assert scene.partition("requests").log.start_offset == 0
        await scene.ready(1)
        committed = scene.cluster.groups.committed
        await scene.until(
            lambda: 2 in [offset for offset, _ in committed("refund-decide").values()]
        )
        await scene.universe.actor.act(delete)
        assert scene.partition("requests").log.start_offset == 2

    inside(say)


@pytest.mark.parametrize("commit", [True, False])
def test_a_foreign_transaction_is_open_for_a_while(commit: bool) -> None:  # noqa: FBT001 - both ends
    async def say(scene: Scene) -> None:
        log = scene.partition("outcomes").log
        acting = begun(
            scene,
            actions.ForeignTransaction(
                at_us=0, topic="outcomes", partition=0, for_ms=500, commit=commit
            ),
        )
        await asyncio.sleep(0.1)
        scene.put("outcomes", b"ours")
        assert (log.last_stable_offset, log.high_watermark) == (0, 2)
        await acting
        assert log.last_stable_offset == log.high_watermark == 3
        end = "committed" if commit else "aborted"
        assert scene.said_of("refund.outcomes/0")[-1] == f"a transaction is {end} at 2"

    inside(say)


def test_a_foreign_transaction_ends_once_somebody_leads_again() -> None:
    async def say(scene: Scene) -> None:
        log = scene.partition("outcomes").log
        acting = begun(
            scene,
            actions.ForeignTransaction(
                at_us=0, topic="outcomes", partition=0, for_ms=100, commit=True
            ),
        )
        await asyncio.sleep(0.05)
        await scene.universe.actor.act(actions.ClusterAway(at_us=0, for_ms=1_000))
        await acting
        assert log.last_stable_offset == log.end_offset == 2

    inside(say)


def test_a_topic_is_deleted_and_created_again() -> None:
    async def say(scene: Scene) -> None:
        scene.put("orders", b"1")
        before = scene.cluster.topics.by_name["refund.orders"].topic_id
        await scene.universe.actor.act(actions.RecreateTopic(at_us=0, topic="orders"))
        assert scene.cluster.topics.by_name["refund.orders"].topic_id != before
        assert scene.partition("orders").log.end_offset == 0
        assert scene.said_of("refund.orders") == ["is deleted", "is created"]

    inside(say)


def test_a_topic_gets_partitions() -> None:
    async def say(scene: Scene) -> None:
        await scene.universe.actor.act(
            actions.AddPartitions(at_us=0, topic="orders", more=2)
        )
        assert len(scene.cluster.topics.by_name["refund.orders"].partitions) == 4

    inside(say)


def test_a_log_loses_its_end_and_never_more_than_it_has() -> None:
    async def say(scene: Scene) -> None:
        scene.put("skipped", b"1", b"2", b"3")
        for records, left in ((1, 2), (100, 0)):
            await scene.universe.actor.act(
                actions.TruncateLog(
                    at_us=0, topic="skipped", partition=0, records=records
                )
            )
            assert scene.partition("skipped").log.end_offset == left

    inside(say)


def test_an_unclean_leader_lacks_records_and_they_are_lost() -> None:
    async def say(scene: Scene) -> None:
        scene.put("skipped", b"1", b"2", b"3")
        partition = scene.partition("skipped")
        before = partition.leader
        await scene.universe.actor.act(
            actions.UncleanElection(at_us=0, topic="skipped", partition=0, records=2)
        )
        assert partition.leader not in (before, None)
        assert partition.log.end_offset == 1
        assert scene.said_of("refund.skipped/0")[-1] == "loses everything from 1 on"

    inside(say)


def test_brokers_forget_producers_that_are_silent() -> None:
    async def say(scene: Scene) -> None:
        await scene.ready(1)
        scene.put("requests", b"no request")
        letters = scene.partition("dead-letters").log
        await scene.until(lambda: letters.end_offset == 1)
        known = letters.producers
        assert known.known
        await scene.universe.actor.act(actions.ExpireProducers(at_us=0))
        assert known.known == {}
        scene.put("requests", b"nor this")
        await scene.until(lambda: letters.end_offset == 2)

    inside(say)
