"""Run coroutines in virtual time, in asyncio's own order, on simulated hosts.

The only module that knows ``detangle``: what it takes from it is the loop with its heap
of timers, and the network in memory. Order: every ready callback runs in the order in
which it became ready, as in asyncio. Each costs ``step_us`` of virtual time, so that an
action at a moment in between meets a task at any of its awaits.
"""

import asyncio
import contextlib
import gc
import itertools
import random
import time
from collections import deque
from collections.abc import Callable, Coroutine, Iterator
from typing import Any, Final, Self

import msgspec
from detangle._config import NetConfig, SimConfig
from detangle._context import current_host, host_name
from detangle._loop import Lane, SimLoop
from detangle.net import SimNetwork
from detangle.strategies import RandomWalk
from typing_extensions import override

EPOCH_MS: Final = 1_767_225_600_000
"""Wall clock when a run begins, UTC ms: 2026-01-01T00:00:00Z."""
_TEARDOWN_STEPS: Final = 50_000


class Setup(msgspec.Struct, frozen=True, kw_only=True):
    """What a run is made of."""

    seed: int
    """Of the latencies."""
    latency_us: tuple[int, int] = (200, 2_000)
    """Least and most time that bytes travel, microseconds."""
    step_us: int = 20
    """What a callback costs."""
    most_steps: int = 1_000_000
    most_s: float = 7_200.0
    """Virtual seconds after which the run has hung."""


class Ended(msgspec.Struct, frozen=True, kw_only=True):
    """How a run ended."""

    value: Any
    """What the coroutine returned; None after an error."""
    problem: BaseException | None
    """What it raised, or why it could not go on."""
    unobserved: list[str]
    """Errors of tasks that nobody looked at, and of callbacks."""
    virtual_s: float
    steps: int


class Network(SimNetwork):
    """A network in which some hosts are far away."""

    def __init__(self, loop: "VirtualLoop", config: NetConfig) -> None:
        super().__init__(loop, config)
        self.extra_s: dict[str, float] = {}
        """Host -> what its bytes need in addition, one way."""

    @override
    def latency(self) -> float:
        usual = super().latency()
        return usual + self.extra_s.get(host_name(), 0.0) if self.extra_s else usual


class _Numbered:
    """Hashed by the order of creation: by address, sets of tasks have another order each time."""

    def __new__(cls, *_: Any, loop: "VirtualLoop", **__: Any) -> Self:
        made = super().__new__(cls)
        made.number = loop.next_number()
        return made

    number: int

    @override
    def __hash__(self) -> int:
        return self.number

    @override
    def __eq__(self, other: object) -> bool:
        return self is other


class _Task(_Numbered, asyncio.Task[Any]):
    """A task."""


class _Future(_Numbered, asyncio.Future[Any]):
    """A future."""


def _task(loop: Any, coro: Any, **options: Any) -> _Task:
    return _Task(coro, loop=loop, **options)


class VirtualLoop(SimLoop):
    """A loop whose hosts can be suspended: their tasks then wait, while time passes."""

    def __init__(self, setup: Setup) -> None:
        least, most = (us / 1_000_000 for us in setup.latency_us)
        network = NetConfig(latency=(least, most), latency_steps=16, tcp_timeout=9.0)
        config = SimConfig(
            reorder=False,
            step_cost=setup.step_us / 1_000_000,
            max_steps=setup.most_steps,
            max_time=setup.most_s,
            net=network,
        )
        strategy = RandomWalk(setup.seed)
        strategy.start(0)
        super().__init__(config, strategy)
        self._ready: deque[tuple[Lane, asyncio.Handle]] = deque()
        self._suspended: dict[str, list[tuple[Lane, asyncio.Handle]]] = {}
        self._net = Network(self, network)
        self._numbers = itertools.count()
        self.set_task_factory(_task)

    def next_number(self) -> int:
        """Return the number of the task or future that is made now."""
        return next(self._numbers)

    @override
    def create_future(self) -> "asyncio.Future[Any]":
        return _Future(loop=self)

    # One queue instead of one per task: the order is asyncio's own, at a fifth of the cost.

    @override
    def _enqueue_lane(self, lane: Lane, handle: asyncio.Handle) -> None:
        self._ready.append((lane, handle))

    @override
    def _run_once(self) -> bool:
        if self._timers and self._timers[0][0] <= self._now:
            self._collect_due_timers()
        ready = self._ready
        while ready:
            lane, handle = ready.popleft()
            if handle._cancelled:
                continue
            if self._suspended and self._holds(lane, handle):
                continue
            self._execute(lane, handle)
            return True
        return self._advance_time()

    @override
    def run_ready(self, budget: int) -> None:
        self.run_steps(budget, lambda: not self._ready)

    @override
    def choose(self, n: int, kind: str) -> int:
        """Draw without keeping book: a seed replays it."""
        return self._strategy.choose(n, kind) if n > 1 and self._recording else 0

    @override
    def has_pending_work(self) -> bool:
        return bool(self._ready) or bool(self._timers)

    def _holds(self, lane: Lane, handle: asyncio.Handle) -> bool:
        if lane.task is None:
            return False
        host = self.task_info[lane.task].host
        if host is None or host not in self._suspended:
            return False
        self._suspended[host].append((lane, handle))
        return True

    def suspend(self, host: str) -> None:
        """Let no task of a host run; bytes and timers go on arriving."""
        self._suspended.setdefault(host, [])

    def resume(self, host: str) -> None:
        """Let the tasks of a host run again."""
        self._ready.extend(self._suspended.pop(host, ()))

    def finish(self) -> None:
        """Cancel what is left, as ``asyncio.run`` does."""
        self._recording = self._limits = False
        for host in list(self._suspended):
            self.resume(host)
        left = [task for task in self.tasks if not task.done()]
        for task in left:
            task.cancel()
        with contextlib.suppress(Exception):
            self.run_steps(_TEARDOWN_STEPS, lambda: all(t.done() for t in left))
        self.run_ready(_TEARDOWN_STEPS)
        for connection in self.net._connections:
            for side in connection.sides():
                side._kill()

    def complaints(self, main: "asyncio.Task[Any]") -> list[str]:
        """Return the errors that nobody has looked at, but those of libraries' own tasks."""
        found = []
        for task in self.tasks:
            if task is main or not task.done() or task.cancelled():
                continue
            if getattr(task, "_log_traceback", False):
                problem = task.exception()
                code = getattr(task.get_coro(), "cr_code", None)
                if code is not None and "site-packages" in code.co_filename:
                    continue
                found.append(f"{self.label(task)}: {type(problem).__name__}: {problem}")
        return found + [
            f"{context.get('message')}: {context.get('exception')!r}"
            for context in self.unhandled
        ]


def run(main: Callable[[], Coroutine[Any, Any, Any]], setup: Setup) -> Ended:
    """Run a coroutine function to its end, in virtual time.

    ``time.time`` and the monotonic clocks are virtual meanwhile, for the whole process.
    """
    loop = VirtualLoop(setup)
    problem: BaseException | None = None
    value: Any = None
    with _virtual_clocks(loop), _seeded(setup.seed):
        try:
            task = loop.create_task(main(), name="main")
            try:
                value = loop.run_until_complete(task)
            except (KeyboardInterrupt, SystemExit):
                raise
            except BaseException as found:  # noqa: BLE001 - every end is told
                problem = found
            steps, virtual_s = loop.steps, loop.time()
            loop.finish()
            unobserved = loop.complaints(task)
        finally:
            loop.abandon()
            loop.close()
    return Ended(
        value=value,
        problem=problem,
        unobserved=unobserved,
        virtual_s=virtual_s,
        steps=steps,
    )


def current() -> VirtualLoop:
    """Return the running loop; the caller runs inside :func:`run`."""
    loop = asyncio.get_running_loop()
    assert isinstance(loop, VirtualLoop)
    return loop


def spawn(
    coro: Coroutine[Any, Any, Any], *, host: str, name: str | None = None
) -> "asyncio.Task[Any]":
    """Start a task on a simulated host; tasks that it starts are there, too."""
    loop = current()
    loop.net.ensure_host(host)
    token = current_host.set(host)
    try:
        return loop.create_task(coro, name=name)
    finally:
        current_host.reset(token)


def crash(host: str) -> None:
    """Let the tasks of a host vanish at the await where each is, and its connections with them.

    Peers are not told; the other end of a connection is reset after nine seconds.
    """
    current().net.crash(host)


def restart(host: str) -> None:
    """Let a crashed host be reachable again; its programs are started with :func:`spawn`."""
    current().net.restart(host)


def slow(host: str, extra_us: int) -> None:
    """Let what a host sends take longer; 0 = no longer."""
    extra_s = current().net.extra_s
    if extra_us:
        extra_s[host] = extra_us / 1_000_000
    else:
        extra_s.pop(host, None)


def cut(one: str, other: str) -> None:
    """Cut the link between two hosts: bytes wait, and connections are reset after a while."""
    current().net.disconnect(one, other)


def mend(one: str, other: str) -> None:
    """Mend a cut link."""
    current().net.reconnect(one, other)


@contextlib.contextmanager
def _seeded(seed: int) -> Iterator[None]:
    """Seed the module ``random``, by which aiokafka picks brokers and pauses."""
    before = random.getstate()
    random.seed(seed)
    try:
        yield
    finally:
        random.setstate(before)


@contextlib.contextmanager
def _virtual_clocks(loop: VirtualLoop) -> Iterator[None]:
    """Make the clocks of the process those of the loop."""
    epoch_s = EPOCH_MS / 1000
    now = loop.time
    clocks: dict[str, Callable[[], float]] = {
        "time": lambda: epoch_s + now(),
        "monotonic": now,
        "perf_counter": now,
        "time_ns": lambda: EPOCH_MS * 1_000_000 + round(now() * 1e9),
        "monotonic_ns": lambda: round(now() * 1e9),
        "perf_counter_ns": lambda: round(now() * 1e9),
    }
    real = {name: getattr(time, name) for name in clocks}
    collecting = gc.isenabled()
    gc.disable()  # a collection at a moment of its own could close an object early
    for name, clock in clocks.items():
        setattr(time, name, clock)
    try:
        yield
    finally:
        for name, clock in real.items():
            setattr(time, name, clock)
        if collecting:
            gc.enable()
