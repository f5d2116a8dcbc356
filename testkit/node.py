"""What a local broker is configured with: addresses, properties, logging."""

import contextlib
import secrets
import socket
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, TypeAlias

_PORTS_FROM, _PORTS_UNTIL = 20_000, 32_000
"""Below the ephemeral range: no outgoing connection takes a port while its
node is down, so a node can come back under the same address."""

_NODE = """\
process.roles=broker,controller
node.id={node}
listeners=BROKER://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller_port},\
PROXIED://127.0.0.1:{inner_port}
advertised.listeners=BROKER://127.0.0.1:{port},PROXIED://127.0.0.1:{outer_port}
listener.security.protocol.map=BROKER:PLAINTEXT,CONTROLLER:PLAINTEXT,PROXIED:PLAINTEXT
controller.listener.names=CONTROLLER
inter.broker.listener.name=BROKER
controller.quorum.voters={voters}
log.dirs={data}
"""

_COMMON = {
    "offsets.topic.num.partitions": "4",
    "transaction.state.log.num.partitions": "4",
    "group.initial.rebalance.delay.ms": "0",
    "auto.create.topics.enable": "false",
    "delete.topic.enable": "true",
    # A killed node may only come back when its session is over (default 9 s).
    "broker.session.timeout.ms": "5000",
    "broker.heartbeat.interval.ms": "1000",
    "num.network.threads": "2",
    "num.io.threads": "2",
    "unclean.leader.election.enable": "false",
}

LOG4J = """\
status=error
appender.out.type=Console
appender.out.name=out
appender.out.layout.type=PatternLayout
appender.out.layout.pattern=%d{ISO8601} %p %c{1} %m%n
rootLogger.level=warn
rootLogger.appenderRef.out.ref=out
"""


Collector: TypeAlias = Literal["serial", "z"]
"""The JVM's garbage collector. ``serial`` takes least memory and CPU. ``z`` never stops
a broker for long and has all its heap from the start: right for measuring latency."""


def collector_flags(collector: Collector, heap_mb: int) -> tuple[str, ...]:
    """Return the JVM flags of a collector for a heap of so many MiB."""
    if collector == "z":
        seldom = "-XX:-ZProactive"  # not before it must: each time it takes a core
        return "-XX:+UseZGC", seldom, f"-Xms{heap_mb}m", "-XX:+AlwaysPreTouch"
    return ("-XX:+UseSerialGC",)


@dataclass(frozen=True, slots=True)
class ClusterOptions:
    """What callers of a local cluster may choose."""

    nodes: int = 1
    """1, or 3 with replication factor 3 and at least 2 in-sync replicas."""

    heap_mb: int = 512
    """Java heap of each node in MiB; the process takes about 150 MiB more."""

    collector: Collector = "serial"

    jvm_flags: tuple[str, ...] = ()
    """``-XX:TieredStopAtLevel=1`` starts a third faster at half the CPU, but
    makes a slower broker: right for tests, wrong for a benchmark."""

    properties: Mapping[str, str] | None = None
    """Broker properties that are added to, or replace, the standard ones."""

    port: int | None = None
    """Where the first node listens for clients; None = any free port."""


@dataclass(frozen=True, slots=True)
class NodeAddress:
    """Where one node listens on loopback."""

    port: int
    """For clients and for the other brokers."""

    controller_port: int
    """For the controllers among themselves."""

    inner_port: int
    """For clients that come through a proxy: where the proxy finds the node."""

    outer_port: int
    """For clients that come through a proxy: where they look for it."""


def free_addresses(options: ClusterOptions) -> dict[int, NodeAddress]:
    """Find an address for each node number from 1, on which nobody listens now.

    A port that the options name is taken as it is.
    """
    ports = iter(_free_ports(4 * options.nodes))
    addresses = {
        node: NodeAddress(next(ports), next(ports), next(ports), next(ports))
        for node in range(1, options.nodes + 1)
    }
    if options.port is not None:
        addresses[1] = replace(addresses[1], port=options.port)
    return addresses


def node_properties(
    node: int,
    addresses: Mapping[int, NodeAddress],
    data: Path,
    options: ClusterOptions,
) -> str:
    """Text of the properties file of one node.

    Parameters
    ----------
    node
        Number of this node, a key of ``addresses``.
    addresses
        Of every node of the cluster.
    data
        Folder of this node's records.
    options
        Their ``properties`` come last and win.
    """
    copies = len(addresses)
    in_sync = min(2, copies)
    own = addresses[node]
    values = _COMMON | {
        "offsets.topic.replication.factor": str(copies),
        "transaction.state.log.replication.factor": str(copies),
        "transaction.state.log.min.isr": str(in_sync),
        "share.coordinator.state.topic.replication.factor": str(copies),
        "share.coordinator.state.topic.min.isr": str(in_sync),
        "min.insync.replicas": str(in_sync),
        "default.replication.factor": str(copies),
    }
    values |= options.properties or {}
    head = _NODE.format(
        node=node,
        port=own.port,
        controller_port=own.controller_port,
        inner_port=own.inner_port,
        outer_port=own.outer_port,
        voters=",".join(
            f"{one}@127.0.0.1:{address.controller_port}"
            for one, address in addresses.items()
        ),
        data=data,
    )
    return head + "".join(f"{key}={value}\n" for key, value in values.items())


def _free_ports(count: int) -> list[int]:
    """Ports that nobody listens on now; held together, so that they differ."""
    with contextlib.ExitStack() as held:
        ports: list[int] = []
        while len(ports) < count:
            port = _PORTS_FROM + secrets.randbelow(_PORTS_UNTIL - _PORTS_FROM)
            probe = held.enter_context(socket.socket())
            with contextlib.suppress(OSError):
                probe.bind(("127.0.0.1", port))
                ports.append(port)
        return ports
