"""A broker for a first look: librdkafka's mock cluster, in a process of its own.

It comes with the ``confluent-kafka`` wheel, starts in a moment, and listens on
loopback only. It knows no compaction, no transactions and no disk, keeps 5 MiB a
partition, and answers an idle fetch only when its waiting time is over. Good for
``refund demo`` and for quick tests; no evidence for any promise of ours.

Run as a program (``python -m testkit.embedded NAME:PARTITIONS ...``) it prints
its address and serves until its standard input ends, however its parent ended.
"""

import ctypes
import importlib
import importlib.util
import os
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import IO, Any, Final, Self

from testkit.broker import BrokerFailedError
from testkit.jars import BrokerUnavailableError

READY_TIMEOUT_S: Final = 30.0
"""It is up in a third of a second; a loaded machine takes many times that."""

STOP_TIMEOUT_S: Final = 5.0

_MISSING: Final = (
    "the embedded broker comes with confluent-kafka, which is not installed: "
    "run `make setup`, or name a broker with --bootstrap-servers HOST:PORT"
)

_NO_REBALANCE_DELAY_MS: Final = 0
"""It waits 3 s for more members by default; here there are none to come."""

_BROKERS: Final = 1
_PRODUCER: Final = 0
"""``RD_KAFKA_PRODUCER``: a mock cluster lives in a client instance of any type."""


class EmbeddedBroker:
    """The broker's process, from start to stop.

    Parameters
    ----------
    topics
        Name -> number of partitions. Topics that are not named come into being on
        first use, with four partitions.

    Raises
    ------
    BrokerUnavailableError
        The package ``confluent-kafka`` is not installed.
    """

    def __init__(self, topics: Mapping[str, int]) -> None:
        if importlib.util.find_spec("confluent_kafka") is None:
            raise BrokerUnavailableError([_MISSING])
        self._topics = [f"{name}:{count}" for name, count in topics.items()]
        self._process: subprocess.Popen[bytes] | None = None
        self._address = ""

    @property
    def bootstrap_servers(self) -> str:
        """``HOST:PORT`` once it has started."""
        return self._address

    def start(self) -> None:
        """Start it and wait for its address; blocks.

        Raises
        ------
        BrokerFailedError
            It ended, or said nothing in time; nothing is left running.
        """
        # Its own session: Ctrl-C in the terminal reaches us, and we end it in order.
        process = subprocess.Popen(  # noqa: S603 - this very module, arguments of ours
            [sys.executable, "-m", "testkit.embedded", *self._topics],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
        self._process = process
        late = threading.Timer(READY_TIMEOUT_S, process.kill)
        late.daemon = True
        late.start()
        try:
            self._address = _line(process.stdout)
        finally:
            late.cancel()
        if not self._address:
            process.kill()
            problem = _last_line(process.stderr)
            self.stop()
            raise BrokerFailedError(f"the embedded broker did not start: {problem}")

    def stop(self) -> None:
        """End it; blocks a moment. Harmless when it has ended."""
        process, self._process = self._process, None
        if process is None:
            return
        for stream in (process.stdin, process.stdout, process.stderr):
            if stream is not None:
                stream.close()
        try:
            process.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def running(self) -> bool:
        """Whether it is up."""
        return self._process is not None and self._process.poll() is None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()


def _line(stream: IO[bytes] | None) -> str:
    return "" if stream is None else stream.readline().decode().strip()


def _last_line(stream: IO[bytes] | None) -> str:
    text = "" if stream is None else stream.read().decode(errors="replace").strip()
    return text.rpartition("\n")[2] or "it said nothing"


def serve(topics: Mapping[str, int]) -> str:
    """Start a mock cluster in this process; return its ``HOST:PORT``.

    It serves from threads of the library until the process ends.

    Raises
    ------
    BrokerFailedError
        The library refuses, or has no mock cluster.
    """
    library = _library()
    config = library.rd_kafka_conf_new()
    text = ctypes.create_string_buffer(512)
    library.rd_kafka_conf_set(config, b"log_level", b"0", text, len(text))
    client = library.rd_kafka_new(_PRODUCER, config, text, len(text))
    if not client:
        raise BrokerFailedError(text.value.decode(errors="replace"))
    cluster = library.rd_kafka_mock_cluster_new(client, _BROKERS)
    if not cluster:
        raise BrokerFailedError("no mock cluster; perhaps loopback is closed")
    library.rd_kafka_mock_group_initial_rebalance_delay_ms(
        cluster, _NO_REBALANCE_DELAY_MS
    )
    for name, count in topics.items():
        code = library.rd_kafka_mock_topic_create(
            cluster, name.encode(), count, _BROKERS
        )
        if code:
            raise BrokerFailedError(f"{name}: not created, librdkafka error {code}")
    found: bytes = library.rd_kafka_mock_cluster_bootstraps(cluster)
    return found.decode()


_POINTER: Final = ctypes.c_void_p
_TEXT: Final = ctypes.c_char_p
_SIGNATURES: Final[Mapping[str, tuple[Any, Sequence[Any]]]] = {
    "rd_kafka_conf_new": (_POINTER, ()),
    "rd_kafka_conf_set": (
        ctypes.c_int,
        (_POINTER, _TEXT, _TEXT, _TEXT, ctypes.c_size_t),
    ),
    "rd_kafka_new": (_POINTER, (ctypes.c_int, _POINTER, _TEXT, ctypes.c_size_t)),
    "rd_kafka_mock_cluster_new": (_POINTER, (_POINTER, ctypes.c_int)),
    "rd_kafka_mock_cluster_bootstraps": (_TEXT, (_POINTER,)),
    "rd_kafka_mock_group_initial_rebalance_delay_ms": (
        None,
        (_POINTER, ctypes.c_int32),
    ),
    "rd_kafka_mock_topic_create": (
        ctypes.c_int,
        (_POINTER, _TEXT, ctypes.c_int, ctypes.c_int),
    ),
}
"""C functions used here: result and arguments (``rdkafka_mock.h``)."""


def _library() -> Any:  # noqa: ANN401 - ctypes finds functions by name
    """Open the librdkafka of the wheel, which hides it under a name with a hash.

    Looking a symbol up in the extension module also looks in what it links to.
    """
    extension = importlib.import_module("confluent_kafka.cimpl")
    library = ctypes.CDLL(str(extension.__file__))
    for name, (result, arguments) in _SIGNATURES.items():
        try:
            function = getattr(library, name)
        except AttributeError:
            raise BrokerFailedError(f"this librdkafka has no {name}") from None
        function.restype = result
        function.argtypes = list(arguments)
    return library


def main(arguments: Sequence[str]) -> None:
    """Serve topics given as ``NAME:PARTITIONS`` until standard input ends."""
    topics = {
        name: int(count) for name, _, count in (a.rpartition(":") for a in arguments)
    }
    try:
        address = serve(topics)
    except BrokerFailedError as failed:
        sys.exit(str(failed))
    sys.stdout.write(address + "\n")
    sys.stdout.flush()
    sys.stdin.buffer.read()
    os._exit(0)  # nothing to save; taking the cluster apart could hang


if __name__ == "__main__":
    main(sys.argv[1:])
