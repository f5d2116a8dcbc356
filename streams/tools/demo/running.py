"""From options to an exit code: start, play, wait for the answers, sum up, stop."""

import asyncio
import io
import itertools
import shutil
import signal
import sys
import tempfile
from collections.abc import (
    AsyncIterator,
    Callable,
    Coroutine,
    Iterable,
    Iterator,
    Mapping,
)
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager, suppress
from pathlib import Path
from typing import Any, Final, Literal, TextIO

import msgspec
from aiokafka import AIOKafkaConsumer

from streams import logs
from streams.errors import WorkerError
from streams.platforms.kuaishou.standin import StandIn, World
from streams.settings import Settings, load_policy
from streams.tools.demo import machinery
from streams.tools.demo.act import EXCLUDED_SKU, SHOP, Act, Stage
from streams.tools.demo.board import Board
from streams.tools.demo.samples import Cast, Samples
from streams.tools.demo.scenes import PROGRAMME, SHOPS, Scene
from streams.tools.demo.show import JsonView, LinesView, LiveView, Started, View
from streams.tools.demo.watching import rows
from streams.tools.demo.wire import Wire
from streams.tools.reading import broker_errors

EXIT_TERMINATED: Final = 143

_WATERMARK_S: Final = 1.0
_LAST_WORDS_S: Final = 1.5
"""Part of the time in which no new scene begins: the running ones end in it."""
_SCENE_EVERY_S: Final = 0.35
_ANSWER_TIMEOUT_S: Final = 15.0


class Options(msgspec.Struct, frozen=True, kw_only=True):
    """What a demo is to be like."""

    seconds: int = 20
    """How long it plays, from the moment the worker is ready."""
    afterwards: Literal["stop", "keep"] = "stop"
    """``keep`` leaves broker and worker running until Ctrl-C."""
    form: Literal["people", "json"] = "people"
    bootstrap: str | None = None
    """``HOST:PORT`` of a broker to use instead of the embedded one."""
    web_port: int | None = None
    """TCP port of the worker's pages; None = any free one."""


def run(options: Options, environ: Mapping[str, str], now_ms: Callable[[], int]) -> int:
    """Run a demo; blocks.

    Parameters
    ----------
    environ
        The worker's environment, less what would lead it to anything real.
    now_ms
        UTC ms.

    Returns
    -------
    int
        0 when the worker stayed up and everything sent got its answer, else 1.

    Raises
    ------
    UsageError
        No embedded broker is installed, or the port is taken.
    WorkerError
        Broker or worker did not start, or ended.
    KeyboardInterrupt
        Ctrl-C before the play was over.
    """
    logs.silence()
    try:
        return asyncio.run(_run(options, environ, now_ms, _view(options.form, sys.stdout)))
    except asyncio.CancelledError:
        return EXIT_TERMINATED


def _view(form: str, out: TextIO) -> View:
    if isinstance(out, io.TextIOWrapper):  # a terminal without Chinese shows "?"
        out.reconfigure(errors="replace")
    if form == "json":
        return JsonView(out)
    return LiveView(out) if out.isatty() else LinesView(out)


async def _run(
    options: Options, environ: Mapping[str, str], now_ms: Callable[[], int], view: View
) -> int:
    task = asyncio.current_task()
    if task is not None:
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    port = machinery.port_of(options.web_port)
    given = machinery.environment(environ, options.bootstrap, port)
    settings = machinery.read(given)
    async with AsyncExitStack() as stack:
        stack.enter_context(broker_errors(settings.kafka))
        place = machinery.embedded if options.bootstrap is None else machinery.borrowed
        address = await stack.enter_async_context(place(settings))
        given["REFUND_KAFKA__BOOTSTRAP_SERVERS"] = address
        settings = machinery.read(given)
        folder = stack.enter_context(_folder())
        world = World()
        url = await stack.enter_async_context(_platform(world))
        given |= machinery.platform_environment(folder, url)
        producer = await stack.enter_async_context(machinery.producing(settings))
        consumer = await stack.enter_async_context(machinery.consuming(settings))
        stage = _stage(Wire(producer, settings, now_ms), world)
        await _operator_speaks(stage.wire)
        worker = machinery.Worker(given, folder / "worker.log", port)
        stack.callback(worker.stop)
        stack.callback(view.close)
        await worker.ready()
        view.start(_started(options, address, worker))
        show = Show(options, settings, stage, view, worker)
        await show.run(consumer)
    return 0


@contextmanager
def _folder() -> Iterator[Path]:
    """Make a folder for the worker's log; it stays when the worker is to blame."""
    path = Path(tempfile.mkdtemp(prefix="refund-demo-"))
    try:
        yield path
    except WorkerError:
        raise
    except BaseException:
        shutil.rmtree(path, ignore_errors=True)
        raise
    else:
        shutil.rmtree(path, ignore_errors=True)


@asynccontextmanager
async def _platform(world: World) -> AsyncIterator[str]:
    """Serve the stand-in of the open platform; yields its URL."""
    standin = StandIn(world)
    try:
        await standin.start()
        yield standin.url
    finally:
        await standin.stop()


def _stage(wire: Wire, world: World) -> Stage:
    return Stage(
        wire=wire,
        world=world,
        board=Board(wire.now_ms),
        samples=Samples(),
        events=itertools.count(1),
    )


async def _operator_speaks(wire: Wire) -> None:
    """Say what holds before anything happens: shops, an excluded item, "all is written"."""
    now_ms = wire.now_ms()
    for shop, enabled in SHOPS:
        shop_id = str(shop)
        row = {"shop_id": shop_id, "enabled": enabled, "standing": "good"}
        await wire.put("shops", shop_id, {**row, "as_of_ms": now_ms}, shop_id)
    sku = f"sku:{EXCLUDED_SKU}"
    entry = {"id": sku, "excluded": True, "kind": "excluded", "as_of_ms": now_ms}
    await wire.put("catalog", sku, entry, sku)
    await wire.mark_all()


def _started(options: Options, address: str, worker: machinery.Worker) -> Started:
    embedded = "embedded, no evidence of speed" if options.bootstrap is None else "yours"
    return Started(
        bootstrap_servers=address,
        web=worker.web,
        log=str(worker.log),
        broker=embedded,
    )


class Show:
    """The play itself, with everything in place."""

    def __init__(
        self,
        options: Options,
        settings: Settings,
        stage: Stage,
        view: View,
        worker: machinery.Worker,
    ) -> None:
        self._options = options
        self._settings = settings
        self._stage = stage
        self._view = view
        self._worker = worker
        self._over = False

    async def run(self, consumer: "AIOKafkaConsumer[bytes, bytes]") -> None:
        """Play to the end and show what comes of it.

        Raises
        ------
        WorkerError
            The worker ended, or something sent has no answer.
        """
        try:
            await first_of(
                self._play(), self._watch(consumer), self._mark(), self._worker.guard()
            )
        except asyncio.CancelledError:
            if not self._over:
                raise
        self._verdict()

    def _verdict(self) -> None:
        summary = self._stage.board.summary(self._options.seconds)
        if not summary.complete:
            raise WorkerError(
                f"{len(summary.unanswered)} of {summary.expected} have no answer after "
                f"{_ANSWER_TIMEOUT_S:.0f} s; the worker's log: {self._worker.log}"
            )

    async def _watch(self, consumer: "AIOKafkaConsumer[bytes, bytes]") -> None:
        limit_fen = load_policy(None).paid_limit_fen
        async for row in rows(consumer, self._settings.topics, limit_fen):
            self._view.row(self._stage.board.take(row))

    async def _mark(self) -> None:
        while True:
            await asyncio.sleep(_WATERMARK_S)
            await self._stage.wire.mark_all()

    async def _play(self) -> None:
        await perform(self._stage, self._options.seconds)
        summary = self._stage.board.summary(self._options.seconds)
        self._over = True
        self._view.end(summary, self._advice())
        if self._options.afterwards == "keep" and summary.complete:
            await asyncio.Event().wait()  # Ctrl-C ends it

    def _advice(self) -> list[str]:
        kafka, topics = self._settings.kafka, self._settings.topics
        where = f"--bootstrap-servers {kafka.bootstrap_servers}"
        if self._options.bootstrap is not None:
            where += f" --set topics.prefix={topics.prefix}"
        refund = sys.argv[0] if Path(sys.argv[0]).name == "refund" else "refund"
        if self._options.afterwards == "stop":
            return [
                "",
                f"next: {refund} demo --keep     leaves it running, to look around",
                f"      {refund} explain ID      why a decision came out as it did",
                "      docs/                    settings, metrics, how to run it",
            ]
        return [
            "",
            "Running until Ctrl-C. In another terminal:",
            f"  {refund} explain {self._stage.board.example or 'ID'} {where} --lang zh",
            f"  {refund} dlq list {where}",
            f"  curl {self._worker.web}/metrics",
        ]


async def perform(stage: Stage, seconds: int) -> None:
    """Play every scene once, then again while there is time; wait for the answers.

    Returns after ``seconds`` and, at most, the time-out for answers.
    """
    loop = asyncio.get_running_loop()
    began = loop.time()
    until = began + max(0.0, seconds - _LAST_WORDS_S)
    every = min(_SCENE_EVERY_S, (until - began) / len(PROGRAMME))
    running: list[asyncio.Task[None]] = []
    try:
        for number, scene in enumerate(itertools.cycle(PROGRAMME), start=1):
            if number > len(PROGRAMME) and loop.time() >= until:
                break
            cast = Cast(number=number, at_ms=stage.wire.now_ms(), shop_id=SHOP)
            running.append(asyncio.create_task(_scene(scene, Act(stage, cast))))
            await asyncio.sleep(began + number * every - loop.time())
        with suppress(TimeoutError):
            async with asyncio.timeout(_ANSWER_TIMEOUT_S):
                await asyncio.gather(*running)
                await stage.board.settled()
    finally:
        await _cancel(running)


async def _scene(scene: Scene, act: Act) -> None:
    await scene(act)


async def first_of(*works: Coroutine[Any, Any, None]) -> None:
    """Run all until one returns or raises; end the others."""
    tasks = [asyncio.create_task(work) for work in works]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    finally:
        await _cancel(tasks)


async def _cancel(tasks: Iterable["asyncio.Task[None]"]) -> None:
    tasks = list(tasks)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
