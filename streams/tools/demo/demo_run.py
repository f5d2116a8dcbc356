"""One demo run: scenes one after another, their results, and a summary."""

import asyncio
import itertools
import sys
from collections.abc import Coroutine, Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from aiokafka import AIOKafkaConsumer

from streams.errors import WorkerError
from streams.settings import Settings, load_policy
from streams.tools.demo.options import DemoOptions
from streams.tools.demo.samples import Cast
from streams.tools.demo.scene_runner import SHOP, SceneContext, SceneRunner
from streams.tools.demo.scenes import PROGRAMME, Scene
from streams.tools.demo.views import DemoView
from streams.tools.demo.watching import rows
from streams.tools.demo.worker import DemoWorker

_WATERMARK_S: Final = 1.0
_LAST_WORDS_S: Final = 1.5
"""Last part of the time, seconds, in which running scenes end and no new one begins."""
_SCENE_EVERY_S: Final = 0.35
_ANSWER_TIMEOUT_S: Final = 15.0


class DemoRun:
    """Runs the scenes and shows their results; everything else is already running."""

    def __init__(
        self,
        options: DemoOptions,
        settings: Settings,
        context: SceneContext,
        view: DemoView,
        worker: DemoWorker,
    ) -> None:
        self._options = options
        self._settings = settings
        self._context = context
        self._view = view
        self._worker = worker
        self._over = False

    async def run(self, consumer: "AIOKafkaConsumer[bytes, bytes]") -> None:
        """Run scenes until the time is up, and show their results.

        Raises
        ------
        WorkerError
            The worker ended, or something sent has no answer.
        """
        try:
            await first_of(
                self._scenes(),
                self._watch(consumer),
                self._mark(),
                self._worker.guard(),
            )
        except asyncio.CancelledError:
            if not self._over:
                raise
        self._verdict()

    def _verdict(self) -> None:
        summary = self._context.scoreboard.summary(self._options.seconds)
        if not summary.complete:
            raise WorkerError(
                f"{len(summary.unanswered)} of {summary.expected} have no answer after "
                f"{_ANSWER_TIMEOUT_S:.0f} s; log of the worker: {self._worker.log}"
            )

    async def _watch(self, consumer: "AIOKafkaConsumer[bytes, bytes]") -> None:
        limit_fen = load_policy(None).paid_limit_fen
        async for row in rows(consumer, self._settings, limit_fen):
            self._view.row(self._context.scoreboard.take(row))

    async def _mark(self) -> None:
        while True:
            await asyncio.sleep(_WATERMARK_S)
            await self._context.wire.mark_all()

    async def _scenes(self) -> None:
        await run_scenes(self._context, self._options.seconds)
        summary = self._context.scoreboard.summary(self._options.seconds)
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
                f"next: {refund} demo --keep   keeps broker and worker running; meanwhile",
                f"      {refund} explain ID    explains a decision, and",
                "      /metrics, /status and /readyz can be read",
                "      docs/                settings.md, metrics.md: settings and metrics",
            ]
        return [
            "",
            "Running until Ctrl-C. In another terminal:",
            f"  {refund} explain {self._context.scoreboard.example or 'ID'} {where} --lang zh",
            f"  {refund} dlq list {where}",
            f"  curl {self._worker.web}/metrics",
        ]


async def run_scenes(context: SceneContext, seconds: int) -> None:
    """Run every scene once, then again while there is time, and wait for the answers.

    Returns after ``seconds`` plus at most the timeout for answers.
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
            cast = Cast(number=number, at_ms=context.wire.now_ms(), shop_id=SHOP)
            running.append(
                asyncio.create_task(_scene(scene, SceneRunner(context, cast)))
            )
            await asyncio.sleep(began + number * every - loop.time())
        with suppress(TimeoutError):
            async with asyncio.timeout(_ANSWER_TIMEOUT_S):
                await asyncio.gather(*running)
                await context.scoreboard.settled()
    finally:
        await _cancel(running)


async def _scene(scene: Scene, runner: SceneRunner) -> None:
    await scene(runner)


async def first_of(*works: Coroutine[Any, Any, None]) -> None:
    """Run all until one returns or raises, then cancel the others."""
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
