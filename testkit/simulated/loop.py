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
import warnings
from collections import deque
from collections.abc import Callable, Coroutine, Iterator
from contextvars import Context
from typing import Any, Final

import msgspec
from detangle._config import NetConfig, SimConfig
from detangle._context import DEFAULT_HOST, current_host, host_name
from detangle._loop import Lane, SimLoop
from detangle.errors import StepLimitExceeded, TimeLimitExceeded
from detangle.net import SimNetwork
from detangle.strategies import RandomWalk
from typing_extensions import override

from testkit.simulated.numbered import NumberedFuture, NumberedTask

EPOCH_MS: Final = 1_767_225_600_000
"""Wall clock when a run begins, UTC ms: 2026-01-01T00:00:00Z."""
_TEARDOWN_STEPS: Final = 50_000
_CLOSES: Final = 20
"""Most places at which a closed coroutine waits all the same."""
_FEW: Final = 64
"""Tasks so few that nobody looks which of them are done."""


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
        self._loop = loop
        self.extra_s: dict[str, float] = {}
        """Host -> what its bytes need in addition, one way."""

    @override
    def latency(self) -> float:
        usual = super().latency()
        return usual + self.extra_s.get(host_name(), 0.0) if self.extra_s else usual

    def connections(self) -> list[Any]:
        """Return the connections that are open at one side, and some that are not."""
        return self._connections

    @override
    def crash(self, host: str) -> None:
        self._hosts[
            host
        ] = []  # of tasks that are listed here some would act on the end
        self._loop.vanish(host)
        super().crash(host)


class VirtualLoop(SimLoop):
    """A loop whose hosts can be suspended: their tasks then wait, while time passes.

    It has one queue of what is ready, instead of one per task: the order is asyncio's own.
    Of tasks it keeps those that are not done, or that failed and nobody has looked.
    """

    def __init__(self, setup: Setup) -> None:
        least, most = (us / 1_000_000 for us in setup.latency_us)
        network = NetConfig(latency=(least, most), latency_steps=16, tcp_timeout=9.0)
        strategy = RandomWalk(setup.seed)
        strategy.start(0)
        super().__init__(SimConfig(reorder=False, net=network), strategy)
        self._setup = setup
        self._step_s = setup.step_us / 1_000_000
        self._ready: deque[asyncio.Handle] = deque()
        self._suspended: dict[str, list[asyncio.Handle]] = {}
        self._asleep_since_s: dict[str, float] = {}
        self._slept_s: dict[str, float] = {}
        self._some_rest = False
        """Whether some tasks may not run: their hosts are suspended, or have crashed."""
        self._net = Network(self, network)
        self._numbers = itertools.count()
        self.tasks: list[Any] = []
        self._most_tasks = 0

    # -- tasks and futures ------------------------------------------------------

    def next_number(self) -> int:
        """Return the number of a task or future."""
        return next(self._numbers)

    @override
    def create_future(self) -> "asyncio.Future[Any]":
        return NumberedFuture(loop=self)

    @override
    def create_task(
        self, coro: Any, *, context: Context | None = None, **options: Any
    ) -> NumberedTask:
        task = NumberedTask(coro, loop=self, context=context, **options)
        host = current_host.get() if context is None else context.get(current_host)
        task.host = host or DEFAULT_HOST
        self.tasks.append(task)
        if len(self.tasks) > self._most_tasks:
            self.tasks = [one for one in self.tasks if not one.done() or one.failed]
            self._most_tasks = 2 * len(self.tasks) + _FEW
        return task

    def left_on(self, host: str) -> list[NumberedTask]:
        """Return the tasks of a host that are not done, in the order of creation."""
        return [
            task
            for task in self.tasks
            if task.host == host and not task.vanished and not task.done()
        ]

    def vanish(self, host: str) -> None:
        """Let the tasks of a host never run again, without telling them."""
        for task in self.left_on(host):
            task.vanished = self._some_rest = True

    # -- what runs next ---------------------------------------------------------

    @override
    def call_soon(  # type: ignore[override]  # typeshed relates callback and arguments
        self, callback: Any, *args: Any, context: Context | None = None
    ) -> asyncio.Handle:
        if self._abandoned:
            return self._dead_handle(callback, args)
        handle = asyncio.Handle(callback, args, self, context)
        self._ready.append(handle)
        return handle

    @override
    def _enqueue(self, handle: asyncio.Handle, callback: Any) -> None:
        self._ready.append(handle)

    @override
    def _enqueue_lane(self, lane: Lane, handle: asyncio.Handle) -> None:
        self._ready.append(handle)

    @override
    def _run_once(self) -> bool:
        timers, ready = self._timers, self._ready
        if timers and timers[0][0] <= self._now:
            self._collect_due_timers()
        while ready:
            handle = ready.popleft()
            if handle._cancelled or (self._some_rest and self._holds(handle)):
                continue
            self._now += self._step_s
            self.steps += 1
            handle._run()
            if self.steps >= self._setup.most_steps and self._limits:
                raise StepLimitExceeded(f"no end after {self.steps} steps")
            return True
        if self._now > self._setup.most_s and self._limits:
            raise TimeLimitExceeded(f"no end after {self._now:.0f} virtual seconds")
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

    @override
    def _note_acquire(self, primitive: Any) -> None:
        """Keep no book of who holds a lock."""

    @override
    def _note_release(self, primitive: Any) -> None:
        """Keep no book of who holds a lock."""

    # -- hosts that stand still -------------------------------------------------

    def _holds(self, handle: asyncio.Handle) -> bool:
        owner = getattr(getattr(handle, "_callback", None), "__self__", None)
        if not isinstance(owner, NumberedTask):
            return False
        if owner.vanished:
            return True
        held = self._suspended.get(owner.host or DEFAULT_HOST)
        if held is None:
            return False
        held.append(handle)
        return True

    def suspend(self, host: str) -> None:
        """Let no task of a host run; bytes and timers go on arriving."""
        self._suspended.setdefault(host, [])
        self._asleep_since_s.setdefault(host, self.time())
        self._some_rest = True

    def resume(self, host: str) -> None:
        """Let the tasks of a host run again."""
        self._ready.extend(self._suspended.pop(host, ()))
        since_s = self._asleep_since_s.pop(host, None)
        if since_s is not None:
            self._slept_s[host] = self.slept_s(host) + self.time() - since_s

    def is_suspended(self, host: str) -> bool:
        """Whether the tasks of a host stand still."""
        return host in self._suspended

    def slept_s(self, host: str) -> float:
        """Return how long a host was suspended so far, without the time it still is."""
        return self._slept_s.get(host, 0.0)

    # -- the end ----------------------------------------------------------------

    def finish(self) -> None:
        """Cancel what is left, as ``asyncio.run`` does."""
        self._recording = self._limits = False
        for host in list(self._suspended):
            self.resume(host)
        left = [task for task in self.tasks if not (task.vanished or task.done())]
        for task in left:
            task.cancel()
        with contextlib.suppress(Exception):
            self.run_steps(_TEARDOWN_STEPS, lambda: all(t.done() for t in left))
        self.run_ready(_TEARDOWN_STEPS)
        for connection in self._net.connections():
            for side in connection.sides():
                side._kill()

    def bury(self) -> None:
        """Close what vanished, on an abandoned loop; collected open it would complain."""
        with warnings.catch_warnings():
            warnings.simplefilter(
                "ignore"
            )  # what its ``finally`` begins is never awaited
            for task in self.tasks:
                coroutine: Any = task.get_coro() if task.vanished else None
                for _ in range(_CLOSES):
                    if coroutine is None or coroutine.cr_frame is None:
                        break
                    with contextlib.suppress(BaseException):
                        coroutine.close()  # each ``finally`` may wait once more

    def complaints(self, main: "asyncio.Task[Any]") -> list[str]:
        """Return the errors that nobody has looked at, but those of libraries' own tasks."""
        found = []
        for task in self.tasks:
            if task is main or not task.failed:
                continue
            problem = task.exception()
            code = getattr(task.get_coro(), "cr_code", None)
            if code is not None and "site-packages" in code.co_filename:
                continue
            found.append(f"{task.label}: {type(problem).__name__}: {problem}")
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
            loop.bury()
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


def connections_of(host: str) -> list[str]:
    """Return the connections that a host has opened and not closed, as text.

    One whose attempt was cancelled before it stood is none: asyncio closes its socket.
    """
    return [
        f"{connection.client.sockname} -> {connection.client.peername}"
        for connection in current().net.connections()
        if connection.client.host == host
        and not connection.client.is_closing()
        and connection.client.get_protocol() is not None
    ]


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
