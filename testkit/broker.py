"""A local Apache Kafka from jars: one node, or three for fault tests.

Synchronous: calls block until the cluster is where they say it is, so an
event loop calls them through ``asyncio.to_thread``. Meant for tests and
benchmarks; everything listens on loopback without authentication.
"""

import base64
import secrets
import time
from pathlib import Path
from types import TracebackType
from typing import Self

from streams.errors import WorkerError
from streams.tools.guarded_process import GuardedProcess
from testkit.jars import java_program
from testkit.node import (
    LOG4J,
    ClusterOptions,
    collector_flags,
    free_addresses,
    node_properties,
)
from testkit.probe import known_brokers

READY_TIMEOUT_S = 90.0
"""A node is up in two or three seconds; a loaded machine takes many times that."""

STOP_TIMEOUT_S = 10.0
"""A stop takes less than a second, except where the controllers have no
majority any more: such a node waits for one, and is killed."""

FORMAT_HEAP_MB = 128
POLL_S = 0.05
_LOG_TAIL_LINES = 15


class BrokerFailedError(WorkerError):
    """A local broker did not start, or did not get ready in time."""


class LocalCluster:
    """A cluster whose nodes, numbered from 1, can be stopped, killed and paused.

    A node keeps its ports and its data for the life of the object. As a context
    manager it starts on entry and is killed on exit, as it is when our process
    dies in whatever way.

    Parameters
    ----------
    libs
        Folder of jars, from :func:`testkit.jars.fetch_jars`.
    folder
        Belongs to this cluster: properties, data and ``node-N.log`` files.
    options
        Size and broker properties.
    """

    def __init__(
        self, libs: Path, folder: Path, options: ClusterOptions | None = None
    ) -> None:
        self._libs = libs
        self._folder = folder
        self._options = options if options is not None else ClusterOptions()
        self._addresses = free_addresses(self._options)
        self.nodes = tuple(self._addresses)
        """Numbers of the nodes, running or not."""
        self._running: dict[int, GuardedProcess] = {}
        self._paused: set[int] = set()
        self._java = java_program()
        self._archive = archive_path(libs)

    @property
    def bootstrap_servers(self) -> str:
        """``HOST:PORT`` of every node, running or not, joined by commas."""
        return ",".join(f"127.0.0.1:{one.port}" for one in self._addresses.values())

    def proxied(self, node: int) -> tuple[int, int]:
        """Return the port on which a node waits for a proxy, and the one it has to offer.

        Clients that bootstrap from the second are sent back to it.
        """
        found = self._addresses[node]
        return found.inner_port, found.outer_port

    def start(self) -> None:
        """Format fresh data folders, start every node, wait until all are ready.

        Raises
        ------
        BrokerFailedError
            A node ended, or is not ready in time; nothing is left running.
        """
        self._folder.mkdir(parents=True, exist_ok=True)
        (self._folder / "log4j2.properties").write_text(LOG4J, encoding="utf-8")
        for node in self.nodes:
            text = node_properties(
                node, self._addresses, self._path(node, "data"), self._options
            )
            self._path(node, "properties").write_text(text, encoding="utf-8")
        try:
            self._format()
            for node in self.nodes:
                self._launch(node)
            self._await_ready(self.nodes)
        except BaseException:
            for node in list(self._running):
                self.kill(node)
            raise

    def stop(self) -> bool:
        """Stop every running node in order, all at once, paused ones too.

        Returns
        -------
        bool
            Whether all of them did; the others were killed after
            ``STOP_TIMEOUT_S``. Either way none is left.
        """
        return self._end(*self._running)

    def start_node(self, node: int) -> None:
        """Start a node that is down: same ports, same data; wait until it is ready."""
        if node in self._running:
            raise ValueError(f"node {node} is running")
        self._launch(node)
        self._await_ready((node,))

    def stop_node(self, node: int) -> None:
        """Stop a node in order: it hands its partitions over first."""
        self._end(node)

    def kill(self, node: int) -> None:
        """End a node as a power cut of its process would; its data stays."""
        self._paused.discard(node)
        self._running.pop(node).kill()

    def exit_code(self, node: int, timeout_s: float = 0) -> int | None:
        """Wait for a node to end by itself; None = it still runs after so long.

        It counts as running until it is killed here.
        """
        return self._running[node].wait(timeout_s)

    def pause(self, node: int) -> None:
        """Freeze a node: its connections stay open and nothing answers."""
        self._running[node].pause()
        self._paused.add(node)

    def resume(self, node: int) -> None:
        """Let a paused node go on; returns at once, it may have been fenced."""
        self._running[node].resume()
        self._paused.discard(node)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        # Three nodes need 5 s to part in order, and nobody reads their data again.
        for node in list(self._running):
            self.kill(node)

    def _path(self, node: int, suffix: str) -> Path:
        return self._folder / f"node-{node}.{suffix}"

    def _command(self, heap_mb: int, *arguments: str) -> list[str]:
        return [
            self._java,
            f"-Xmx{heap_mb}m",
            *collector_flags(self._options.collector, heap_mb),
            *([f"-XX:SharedArchiveFile={self._archive}"] * self._archive.exists()),
            *self._options.jvm_flags,
            f"-Dlog4j2.configurationFile={self._folder / 'log4j2.properties'}",
            "-cp",
            str(self._libs / "*"),
            *arguments,
        ]

    def _format(self) -> None:
        cluster_id = base64.urlsafe_b64encode(secrets.token_bytes(16)).decode()[:22]
        runs = {
            node: GuardedProcess(
                self._command(
                    FORMAT_HEAP_MB,
                    "kafka.tools.StorageTool",
                    "format",
                    f"--cluster-id={cluster_id}",
                    f"--config={self._path(node, 'properties')}",
                ),
                self._path(node, "log"),
            )
            for node in self.nodes
        }
        until = time.monotonic() + READY_TIMEOUT_S
        codes = {
            node: run.wait(max(0.0, until - time.monotonic()))
            for node, run in runs.items()
        }
        for node, code in codes.items():
            if code is None:
                runs[node].kill()
        for node, code in codes.items():
            if code != 0:
                raise BrokerFailedError(f"not formatted: {self._tail(node)}")

    def _launch(self, node: int) -> None:
        self._running[node] = GuardedProcess(
            self._command(
                self._options.heap_mb,
                "kafka.Kafka",
                str(self._path(node, "properties")),
            ),
            self._path(node, "log"),
        )

    def _end(self, *nodes: int) -> bool:
        ending = [self._running.pop(node) for node in nodes]
        self._paused.difference_update(nodes)
        for process in ending:
            process.terminate()
        until = time.monotonic() + STOP_TIMEOUT_S
        late = [
            process
            for process in ending
            if process.wait(max(0.0, until - time.monotonic())) is None
        ]
        for process in late:
            process.kill()
        return not late

    def _await_ready(self, nodes: tuple[int, ...]) -> None:
        """Each of ``nodes`` knows every node that runs, itself included."""
        until = time.monotonic() + READY_TIMEOUT_S
        expected = self._running.keys() - self._paused
        for node in nodes:
            while not expected <= known_brokers(
                "127.0.0.1", self._addresses[node].port
            ):
                if self._running[node].wait(POLL_S) is not None:
                    del self._running[node]
                    raise BrokerFailedError(f"ended: {self._tail(node)}")
                if time.monotonic() > until:
                    raise BrokerFailedError(f"not ready in time: {self._tail(node)}")

    def _tail(self, node: int) -> str:
        log = self._path(node, "log")
        lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
        return "\n".join([f"node {node}, see {log}", *lines[-_LOG_TAIL_LINES:]])


def archive_path(libs: Path) -> Path:
    """Return where the archive of loaded classes is, next to the jars; it may be missing."""
    return libs.with_name("classes.jsa")
