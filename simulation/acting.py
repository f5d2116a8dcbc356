"""Carry out the actions of a plan."""

import asyncio
from collections.abc import Callable
from functools import singledispatchmethod
from typing import Final

from simulation import actions
from simulation.fleet import Fleet
from testkit.simulated import loop
from testkit.simulated.logs.building import Plain, batch_of
from testkit.simulated.running import RunningCluster

_FOREIGN: Final = 1_000_000
"""Producer ids from here on belong to nobody of ours."""
_STRANGER: Final = Plain(b"foreign", b'{"foreign": true}')
_AGAIN_S: Final = 0.05
_LOOKS: Final = 100
"""How often an action looks whether its moment has come."""


class Actor:
    """Does to a universe what its plan says.

    Parameters
    ----------
    whole
        Gives the name of a topic with its prefix.
    group
        The workers' consumer group.
    """

    def __init__(
        self,
        running: RunningCluster,
        fleet: Fleet,
        whole: Callable[[str], str],
        group: str,
    ) -> None:
        self._running = running
        self._cluster = running.cluster
        self._fleet = fleet
        self._whole = whole
        self._group = group
        self._foreigners = 0

    def _worker_host(self, number: int) -> str:
        return f"worker-{number}"

    def _hosts(self) -> list[str]:
        return [worker.name for worker in self._fleet.workers.values()]

    def _nodes(self, node: int | None) -> list[int]:
        return list(self._cluster.nodes) if node is None else [node]

    @singledispatchmethod
    async def act(self, action: object) -> None:
        """Carry out an action; returns when it is over."""
        raise TypeError(f"nobody knows how to do {action!r}")

    # -- workers ---------------------------------------------------------------

    @act.register
    async def _kill(self, action: actions.KillWorker) -> None:
        self._fleet.kill(action.worker)
        await self._fleet.back(action.worker, action.back_ms)

    @act.register
    async def _lose_machine(self, action: actions.LoseMachine) -> None:
        self._fleet.kill(action.worker, silently=True)
        await self._fleet.back(action.worker, action.back_ms)

    @act.register
    async def _stop(self, action: actions.StopWorker) -> None:
        self._fleet.terminate(action.worker, again_ms=action.again_ms)
        await self._fleet.back(action.worker, action.back_ms)

    @act.register
    async def _pause(self, action: actions.PauseWorker) -> None:
        host = self._worker_host(action.worker)
        if action.worker not in self._fleet.workers:
            return
        loop.current().suspend(host)
        await asyncio.sleep(action.for_ms / 1000)
        loop.current().resume(host)

    @act.register
    async def _cancel_start(self, action: actions.CancelStart) -> None:
        self._fleet.kill(action.worker)
        self._fleet.start(action.worker)
        await asyncio.sleep(action.after_us / 1_000_000)
        self._fleet.terminate(action.worker)
        await self._fleet.back(action.worker, action.back_ms)

    @act.register
    async def _add(self, action: actions.AddWorker) -> None:
        self._fleet.start(action.worker)

    # -- brokers ---------------------------------------------------------------

    @act.register
    async def _node_down(self, action: actions.NodeDown) -> None:
        self._running.node_down(action.node)
        await asyncio.sleep(action.for_ms / 1000)
        await self._running.node_up(action.node)

    @act.register
    async def _pause_node(self, action: actions.PauseNode) -> None:
        self._running.pause(action.node)
        await asyncio.sleep(action.for_ms / 1000)
        self._running.go_on(action.node)

    @act.register
    async def _cluster_away(self, action: actions.ClusterAway) -> None:
        running, nodes = self._running, list(self._cluster.nodes)
        pairs = [(host, node) for host in self._hosts() for node in nodes]
        if action.how == "cut":
            for host, node in pairs:
                running.cut_network(host, node)
        for node in nodes if action.how != "cut" else ():
            (running.pause if action.how == "paused" else running.node_down)(node)
        await asyncio.sleep(action.for_ms / 1000)
        for host, node in pairs if action.how == "cut" else ():
            running.mend_network(host, node)
        for node in nodes:
            running.go_on(node)
            await running.node_up(node)

    @act.register
    async def _slow_replica(self, action: actions.SlowReplica) -> None:
        topics = self._cluster.topics
        topics.slow(action.node)
        left_ms = action.for_ms
        while left_ms > 0:
            await asyncio.sleep(min(action.lag_ms, left_ms) / 1000)
            topics.catch_up(action.node)
            left_ms -= action.lag_ms
            if left_ms > 0:
                topics.slow(action.node)

    @act.register
    async def _move_leader(self, action: actions.MoveLeader) -> None:
        partition = self._cluster.topics.partition(
            self._whole(action.topic), action.partition
        )
        if partition is None or partition.leader is None:
            return
        others = [
            node
            for node in partition.isr
            if node != partition.leader and self._cluster.nodes[node].up
        ]
        if others:
            partition.lead(others[0])

    @act.register
    async def _move_coordinator(self, action: actions.MoveCoordinator) -> None:
        if action.of == "group":
            self._cluster.groups.move(self._group)
        else:
            for transactional_id in list(self._cluster.transactions.by_id):
                self._cluster.transactions.move(transactional_id)

    @act.register
    async def _reset(self, action: actions.ResetConnections) -> None:
        hosts = (
            self._hosts()
            if action.worker is None
            else [self._worker_host(action.worker)]
        )
        for node in self._nodes(action.node):
            for host in hosts:
                self._running.servers[node].reset(host)

    @act.register
    async def _refuse(self, action: actions.RefuseConnections) -> None:
        server = self._running.servers[action.node]
        server.refuse()
        await asyncio.sleep(action.for_ms / 1000)
        if self._cluster.nodes[action.node].up:
            await server.listen()

    @act.register
    async def _cut(self, action: actions.CutNetwork) -> None:
        host = self._worker_host(action.worker)
        for node in self._nodes(action.node):
            self._running.cut_network(host, node)
        await asyncio.sleep(action.for_ms / 1000)
        for node in self._nodes(action.node):
            self._running.mend_network(host, node)

    @act.register
    async def _slow_network(self, action: actions.SlowNetwork) -> None:
        host = self._worker_host(action.worker)
        loop.slow(host, action.extra_us)
        await asyncio.sleep(action.for_ms / 1000)
        loop.slow(host, 0)

    # -- topics ----------------------------------------------------------------

    @act.register
    async def _compact(self, action: actions.CompactTopic) -> None:
        self._cluster.topics.compact(self._whole(action.topic))

    @act.register
    async def _delete_decided(self, action: actions.DeleteDecided) -> None:
        topic = self._whole("requests")
        partition = self._cluster.topics.partition(topic, action.partition)
        committed = self._cluster.groups.committed(self._group)
        for where, (offset, _) in committed.items():
            if tuple(where) == (topic, action.partition) and partition is not None:
                partition.delete_records(min(offset, partition.log.high_watermark))

    @act.register
    async def _foreign_transaction(self, action: actions.ForeignTransaction) -> None:
        where = self._whole(action.topic), action.partition
        self._foreigners += 1
        producer_id = _FOREIGN + self._foreigners
        partition = self._cluster.topics.partition(*where)
        if partition is None or partition.leader is None:
            return
        batch = batch_of([_STRANGER], self._cluster.now_ms(), producer_id)
        partition.append(batch)
        await asyncio.sleep(action.for_ms / 1000)
        while (partition := self._cluster.topics.partition(*where)) is not None:
            if partition.leader is not None:
                partition.write_marker(producer_id, 0, commit=action.commit)
                return
            await asyncio.sleep(_AGAIN_S)

    @act.register
    async def _expire_producers(self, action: actions.ExpireProducers) -> None:  # noqa: ARG002
        # Real ones are forgotten after a day of silence: no batch is sent again then.
        for _ in range(_LOOKS):
            if self._fleet.silent():
                break
            await asyncio.sleep(_AGAIN_S)
        else:
            return
        for partition in self._cluster.topics.partitions():
            partition.log.producers.forget_all()

    @act.register
    async def _recreate(self, action: actions.RecreateTopic) -> None:
        self._cluster.topics.recreate(self._whole(action.topic))

    @act.register
    async def _add_partitions(self, action: actions.AddPartitions) -> None:
        topics = self._cluster.topics
        topic = topics.by_name[self._whole(action.topic)]
        topics.add_partitions(topic, len(topic.partitions) + action.more)

    @act.register
    async def _truncate(self, action: actions.TruncateLog) -> None:
        partition = self._cluster.topics.partition(
            self._whole(action.topic), action.partition
        )
        if partition is not None:
            end = max(0, partition.log.end_offset - action.records)
            partition.truncate(max(end, partition.log.start_offset))

    @act.register
    async def _unclean(self, action: actions.UncleanElection) -> None:
        partition = self._cluster.topics.partition(
            self._whole(action.topic), action.partition
        )
        if partition is None:
            return
        others = [node for node in partition.replicas if node != partition.leader]
        if others:
            end = max(
                partition.log.start_offset, partition.log.end_offset - action.records
            )
            partition.ends[others[0]] = end
            self._cluster.topics.elect_unclean(
                self._whole(action.topic), action.partition, others[0]
            )
