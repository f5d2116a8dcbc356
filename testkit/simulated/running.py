"""A cluster that runs: its nodes as servers, and what an operator or an accident does to them."""

from testkit.simulated import loop
from testkit.simulated.cluster import Cluster
from testkit.simulated.dispatch import handlers
from testkit.simulated.faults import Faults
from testkit.simulated.server import NodeServer


class RunningCluster:
    """The servers of a cluster."""

    def __init__(self, cluster: Cluster, faults: Faults) -> None:
        self.cluster = cluster
        self.servers = {
            node.node_id: NodeServer(cluster, node, handlers(), faults)
            for node in cluster.nodes.values()
        }

    @property
    def bootstrap(self) -> str:
        """Addresses of all nodes, as clients are configured with."""
        nodes = self.cluster.nodes.values()
        return ",".join(f"{node.host}:{node.port}" for node in nodes)

    async def start(self) -> None:
        """Let every node listen."""
        for server in self.servers.values():
            await server.listen()

    def node_down(self, node_id: int) -> None:
        """Let a node fail: connections are reset, leaders and coordinators move if they can."""
        node = self.cluster.nodes[node_id]
        if not node.up:
            return
        node.up = False
        self.servers[node_id].go_down()
        self.cluster.topics.node_down(node_id)
        self.cluster.groups.node_down(node_id)
        self.cluster.transactions.node_down(node_id)

    async def node_up(self, node_id: int) -> None:
        """Let a failed node return."""
        node = self.cluster.nodes[node_id]
        if node.up:
            return
        node.up = True
        self.cluster.topics.node_up(node_id)
        self.cluster.groups.node_up(node_id)
        self.cluster.transactions.node_up(node_id)
        await self.servers[node_id].listen()

    def pause(self, node_id: int) -> None:
        """Let a node answer nothing; its connections stay open."""
        self.cluster.nodes[node_id].running.clear()

    def go_on(self, node_id: int) -> None:
        """Let a paused node work again."""
        self.cluster.nodes[node_id].running.set()

    def refuse(self, node_id: int) -> None:
        """Take no new connections."""
        self.servers[node_id].refuse()

    def cut_network(self, host: str, node_id: int) -> None:
        """Let nothing through between a host and a node."""
        loop.cut(host, self.cluster.nodes[node_id].host)

    def mend_network(self, host: str, node_id: int) -> None:
        """Let everything through again."""
        loop.mend(host, self.cluster.nodes[node_id].host)
