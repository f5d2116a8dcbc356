"""Three nodes: who leads and coordinates, and what the others answer."""

from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Any, Final

from aiokafka.protocol.admin import DescribeGroupsRequest_v1
from aiokafka.protocol.metadata import MetadataRequest_v5

from testkit.simulated.conversations.batches import Batch
from testkit.simulated.conversations.logs import EARLIEST, LATEST, Log
from testkit.simulated.conversations.members import (
    GROUP,
    TRANSACTION,
    Member,
    coordinator_found,
)
from testkit.simulated.conversations.producers import Producer
from testkit.simulated.conversations.talk import Conversation, Talk
from testkit.simulated.conversations.wire import Peer, error_name


@dataclass(frozen=True)
class Placed:
    """A topic's only partition, and connections to all nodes."""

    topic: str
    leader: int
    replicas: tuple[int, ...]
    peers: dict[int, Peer]

    @property
    def log(self) -> Log:
        """The partition at its leader."""
        return Log(self.peers[self.leader], self.topic)

    @property
    def follower(self) -> Log:
        """The partition at another replica."""
        (node, *_) = [node for node in self.replicas if node != self.leader]
        return Log(self.peers[node], self.topic)

    @property
    def stranger(self) -> Log:
        """The partition at a node that has no replica of it."""
        (node, *_) = [node for node in self.peers if node not in self.replicas]
        return Log(self.peers[node], self.topic)


async def _peers(talk: Talk) -> dict[int, Peer]:
    """A connection to each node."""
    answer = await (await talk.peer()).ask(MetadataRequest_v5([], False))
    return {
        node: await talk.peer((host, port)) for node, host, port, _ in answer.brokers
    }


async def _placed(talk: Talk, replicas: int, **configs: str) -> Placed:
    """Create a topic with one partition, and wait until all nodes know who leads it."""
    peers = await _peers(talk)
    named = {key.replace("_", "."): value for key, value in configs.items()}
    topic = await talk.created(next(iter(peers.values())), "log", (1, replicas), named)
    rows: list[Any] = []

    async def known() -> bool:
        rows.clear()
        for peer in peers.values():
            ((_, _, _, partitions),) = (
                await peer.ask(MetadataRequest_v5([topic], False))
            ).topics
            rows.extend(partitions)
        return len(rows) == len(peers) and len({str(row[2]) for row in rows}) == 1

    await talk.until(known)
    placed = Placed(topic, rows[0][2], tuple(rows[0][3]), peers)

    async def led() -> bool:
        return bool((await placed.log.offset(LATEST))[0] == "none")

    await talk.until(led)
    return placed


async def _replicated(talk: Talk, log: Log, offset: int) -> None:
    """Wait until all replicas in sync have the records below an offset."""

    async def there() -> bool:
        return (await log.fetch()).high_watermark == offset

    await talk.until(there)


async def leaders_are_spread(talk: Talk) -> None:
    """Of six partitions each node leads two; each has all replicas in sync."""
    peers = await _peers(talk)
    asked = next(iter(peers.values()))
    topic = await talk.created(asked, "log", (6, 3), {})
    rows: list[Any] = []

    async def known() -> bool:
        answer = await asked.ask(MetadataRequest_v5([topic], False))
        rows[:] = answer.topics[0][3]
        return len(rows) == 6 and all(row[2] in peers for row in rows)

    await talk.until(known)
    talk.say("leads", sorted(Counter(row[2] for row in rows).values()))
    for row in sorted(rows):
        talk.say(f"partition {row[1]}", error_name(row[0]), len(row[3]), row[5])
        talk.say("  the first replica leads", row[3][0] == row[2])
        talk.say("  in sync", sorted(row[3]) == sorted(row[4]))


async def all_nodes_say_the_same(talk: Talk) -> None:
    """Nodes, controller and cluster, and who coordinates."""
    peers = await _peers(talk)
    answers = [await peer.ask(MetadataRequest_v5([], False)) for peer in peers.values()]
    nodes = [sorted(row[0] for row in answer.brokers) for answer in answers]
    talk.say("nodes", [len(row) for row in nodes], nodes[0] == sorted(peers))
    talk.say("clusters", len({answer.cluster_id for answer in answers}))
    for kind in (GROUP, TRANSACTION):
        found = [
            await coordinator_found(talk, peer, talk.name("key"), kind)
            for peer in peers.values()
        ]
        talk.say("coordinators", len({answer.coordinator_id for answer in found}))


async def produce_elsewhere(talk: Talk) -> None:
    """Only the leader takes records."""
    placed = await _placed(talk, 2)
    for what, log in (("follower", placed.follower), ("stranger", placed.stranger)):
        for acks in (-1, 1):
            written = await log.produce(Batch([b"a"]), acks)
            found = (written.error, written.offset, written.log_start)
            talk.say(f"{what}, acks {acks}", *found)
    talk.say("leader", await placed.log.append(Batch([b"a"])))
    talk.say("ends", await placed.log.ends())


async def fetch_elsewhere(talk: Talk) -> None:
    """A replica that does not lead may be read; a node without one may not."""
    placed = await _placed(talk, 2)
    await placed.log.append(Batch([b"a", b"b"]))
    await _replicated(talk, placed.follower, 2)
    for what, log in (("follower", placed.follower), ("stranger", placed.stranger)):
        fetched = await log.fetch()
        talk.say(what, fetched.error, fetched.ends, fetched.found.records)
        beyond = await log.fetch(9)
        talk.say(f"{what} beyond the end", beyond.error, beyond.ends)


async def offsets_elsewhere(talk: Talk) -> None:
    """Only the leader tells where the log begins and ends, and deletes records."""
    placed = await _placed(talk, 2)
    await placed.log.append(Batch([b"a", b"b"]))
    for what, log in (("follower", placed.follower), ("stranger", placed.stranger)):
        talk.say(what, await log.offset(EARLIEST), await log.offset(LATEST))
        talk.say("  delete", await log.delete_before(1))
    talk.say("leader", await placed.log.delete_before(1))


async def all_replicas_wanted(talk: Talk) -> None:
    """Acknowledged when all in sync have it; then it can be read at once."""
    placed = await _placed(talk, 3, min_insync_replicas="3")
    talk.say("acks -1", await placed.log.append(Batch([b"a"])))
    fetched = await placed.log.fetch()
    talk.say("leader", fetched.ends, fetched.found.records)


async def topics_by_any_node(talk: Talk) -> None:
    """Whoever is asked hands the request to the controller."""
    for number, peer in enumerate((await _peers(talk)).values()):
        topic = await talk.created(peer, f"log{number}", (1, 1), {})
        talk.say("created", topic)


async def _with_coordinators(
    talk: Talk, kind: int, say: Callable[[str, Peer], Awaitable[None]]
) -> None:
    peers = await _peers(talk)
    first = next(iter(peers.values()))
    found = await coordinator_found(talk, first, talk.name("key"), kind)
    (elsewhere, *_) = [node for node in peers if node != found.coordinator_id]
    await say("elsewhere", peers[elsewhere])
    await say("coordinator", peers[found.coordinator_id])


async def group_elsewhere(talk: Talk) -> None:
    """Only the coordinator of a group answers for it."""
    topic = (await _placed(talk, 1)).topic

    async def say(what: str, peer: Peer) -> None:
        member = Member(talk, peer, talk.name("key"))

        async def loaded() -> bool:
            return error_name((await member.fetch_all()).error_code) not in _LOADING

        await talk.until(loaded)
        talk.say(what, "commit", await member.commit(topic, 3))
        talk.say("  fetch", await member.committed([(topic, [0])]))
        talk.say("  fetch all", await member.committed())
        answer = await peer.ask(DescribeGroupsRequest_v1([member.group]))
        talk.say("  describe", error_name(answer.groups[0][0]), answer.groups[0][2])
        talk.say("  join", await member.join())
        named = replace(member, member_id=member.member_id or "m", generation=1)
        talk.say("  sync", await named.sync({named.member_id: b"all"}))
        talk.say("  heartbeat", await named.beat())
        talk.say("  leave", await named.leave())

    await _with_coordinators(talk, GROUP, say)


_LOADING: Final = ("GroupLoadInProgressError", "GroupCoordinatorNotAvailableError")


async def transaction_elsewhere(talk: Talk) -> None:
    """Only the coordinator of a transactional id answers for it."""
    topic = (await _placed(talk, 1)).topic

    async def say(what: str, peer: Peer) -> None:
        producer = Producer(talk, peer, talk.name("key"))
        if what == "coordinator":
            await producer.begin()  # it may be loading
        answer = await producer.ask_for_id()
        talk.say(what, "id", error_name(answer.error_code))
        producer.producer_id = answer.producer_id
        producer.epoch = answer.producer_epoch
        talk.say("  add", await producer.add_once(topic))
        talk.say("  offsets", await producer.add_offsets_once(talk.name("group")))
        talk.say("  end", await producer.end("abort"))

    await _with_coordinators(talk, TRANSACTION, say)


async def id_without_transactions_by_any_node(talk: Talk) -> None:
    """Any node gives ids; no two are the same."""
    ids = []
    for peer in (await _peers(talk)).values():
        producer = Producer(talk, peer, None)
        talk.say("error", await producer.begin())
        ids.append(producer.producer_id)
    talk.say("different", len(set(ids)) == len(ids))


CONVERSATIONS: Final[tuple[Conversation, ...]] = (
    leaders_are_spread,
    all_nodes_say_the_same,
    produce_elsewhere,
    fetch_elsewhere,
    offsets_elsewhere,
    all_replicas_wanted,
    topics_by_any_node,
    group_elsewhere,
    transaction_elsewhere,
    id_without_transactions_by_any_node,
)
