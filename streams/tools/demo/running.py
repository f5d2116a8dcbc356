"""Run a demo: start everything, run scenes, wait for the answers, sum up, stop."""

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
    Iterator,
    Mapping,
)
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from pathlib import Path
from typing import TextIO

from streams import logs
from streams.errors import WorkerError
from streams.families.fast_refund.topics import CATALOG
from streams.families.fast_refund.topics import SHOPS as SHOPS_TOPIC
from streams.platforms.kuaishou.standin import PlatformData, StandIn
from streams.signals import EXIT_TERMINATED
from streams.tools.demo import machinery
from streams.tools.demo.demo_run import DemoRun
from streams.tools.demo.options import DemoOptions
from streams.tools.demo.picture import Pictured
from streams.tools.demo.samples import Samples
from streams.tools.demo.scene_runner import EXCLUDED_SKU, SceneContext
from streams.tools.demo.scenes import SHOPS
from streams.tools.demo.scoreboard import Scoreboard
from streams.tools.demo.views import DemoView, JsonView, LinesView, LiveView, Started
from streams.tools.demo.wire import Wire
from streams.tools.demo.worker import DemoWorker
from streams.tools.reading import broker_errors
from streams.tools.traffic import records


def run(
    options: DemoOptions, environ: Mapping[str, str], now_ms: Callable[[], int]
) -> int:
    """Run a demo; blocks.

    Parameters
    ----------
    environ
        The worker's environment, without access to real systems.
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
        Ctrl-C before the scenes were over.
    """
    logs.silence()
    try:
        return asyncio.run(_run(options, environ, now_ms, _view(options, sys.stdout)))
    except asyncio.CancelledError:
        return EXIT_TERMINATED


def _view(options: DemoOptions, out: TextIO) -> DemoView:
    if isinstance(out, io.TextIOWrapper):  # a terminal without Chinese shows "?"
        out.reconfigure(errors="replace")
    view = _view_of(options.form, out)
    return view if options.picture is None else Pictured(view, options.picture)


def _view_of(form: str, out: TextIO) -> DemoView:
    if form == "json":
        return JsonView(out)
    return LiveView(out) if out.isatty() else LinesView(out)


async def _run(
    options: DemoOptions,
    environ: Mapping[str, str],
    now_ms: Callable[[], int],
    view: DemoView,
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
        world = PlatformData()
        url = await stack.enter_async_context(_platform(world))
        given |= machinery.platform_environment(folder, url)
        producer = await stack.enter_async_context(machinery.producing(settings))
        consumer = await stack.enter_async_context(machinery.consuming(settings))
        context = _context(Wire(producer, settings, now_ms), world)
        await _operator_speaks(context.wire)
        worker = DemoWorker(given, folder / "worker.log", port)
        stack.callback(worker.stop)
        stack.callback(view.close)
        await worker.ready()
        view.start(_started(options, address, worker))
        await DemoRun(options, settings, context, view, worker).run(consumer)
    return 0


@contextmanager
def _folder() -> Iterator[Path]:
    """Create a folder for the worker's log; it stays if the worker failed."""
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
async def _platform(world: PlatformData) -> AsyncIterator[str]:
    """Serve the stand-in of the open platform; yield its URL."""
    standin = StandIn(world)
    try:
        await standin.start()
        yield standin.url
    finally:
        await standin.stop()


def _context(wire: Wire, world: PlatformData) -> SceneContext:
    return SceneContext(
        wire=wire,
        world=world,
        scoreboard=Scoreboard(wire.now_ms),
        samples=Samples(),
        events=itertools.count(1),
    )


async def _operator_speaks(wire: Wire) -> None:
    """Write the initial facts: shops, an excluded item, watermarks."""
    now_ms = wire.now_ms()
    for shop, enabled in SHOPS:
        shop_id = str(shop)
        row = records.shop(shop_id, now_ms, enabled=enabled)
        await wire.put(SHOPS_TOPIC, shop_id, row, shop_id)
    sku = f"sku:{EXCLUDED_SKU}"
    await wire.put(CATALOG, sku, records.excluded(sku, now_ms), sku)
    await wire.mark_all()


def _started(options: DemoOptions, address: str, worker: DemoWorker) -> Started:
    embedded = (
        "embedded: for a look, not for measurements"
        if options.bootstrap is None
        else "yours"
    )
    return Started(
        bootstrap_servers=address,
        web=worker.web,
        log=str(worker.log),
        broker=embedded,
    )
