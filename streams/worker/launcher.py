"""Faust's worker as a process: signal handling and exit."""

import asyncio
import faulthandler
import logging
import signal
import sys
from collections.abc import Iterable
from itertools import islice
from typing import Final

from faust.types import AppT
from faust.worker import Worker
from typing_extensions import override

from streams import logs

log = logging.getLogger(__name__)

ENDING: Final = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT)
"""Each of them stops the worker cleanly."""
_CANCELLED_GRACE_S: Final = 0.02
"""Time for the last cancelled tasks to end, seconds."""
_TASKS_TOLD: Final = 200


class RefundWorker(Worker):
    """Faust's worker with our own signal handlers; it ends when everything is closed.

    Mode waits a second between the last task and the end of its loop, and the
    partitions of a restarted worker would wait as long. Its own SIGUSR1 prints every
    local variable, tables and secrets included, which takes minutes; its SIGUSR2 waits
    for a debugger's commands.

    Parameters
    ----------
    level
        The usual log level; SIGUSR1 switches between it and ``debug``.
    """

    def __init__(self, app: AppT, level: str, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(
            app, loop=loop, override_logging=False, redirect_stdouts=False, quiet=True
        )
        self.spinner = None
        self._level = level

    @override
    def install_signal_handlers(self) -> None:
        """Install our signal handlers.

        An ignored SIGHUP (``nohup``) stays ignored. SIGINT and SIGQUIT are handled even
        if ignored: a shell script makes its background processes ignore them, and the
        sender of such a signal expects the process to end.
        """
        for one in ENDING:
            if one != signal.SIGHUP or signal.getsignal(one) is not signal.SIG_IGN:
                self.loop.add_signal_handler(one, self._end, one)
        self.loop.add_signal_handler(signal.SIGUSR1, self._change_level)
        self.loop.add_signal_handler(signal.SIGUSR2, self._tell_tasks)
        if sys.stderr is not None:
            # Written in C, so it works even while the event loop is blocked.
            faulthandler.register(signal.SIGUSR2, sys.stderr, chain=True)

    def _end(self, why: signal.Signals) -> None:
        log.info("%s: stopping", why.name)
        self._flag_as_shutdown_by_signal()
        self._schedule_shutdown(why)

    def _change_level(self) -> None:
        log.warning("SIGUSR1: log level %s", logs.toggle_debug(self._level))

    def _tell_tasks(self) -> None:
        tasks = asyncio.all_tasks(self.loop)
        log.warning("SIGUSR2: %d tasks", len(tasks))
        for line in islice(_told(tasks), _TASKS_TOLD):
            log.warning("%s", line)

    @override
    async def _sentinel_task(self) -> None:
        await asyncio.sleep(_CANCELLED_GRACE_S)


def _told(tasks: Iterable["asyncio.Task[object]"]) -> Iterable[str]:
    """Yield one line per task: its name and where it waits, without values."""
    for task in tasks:
        frames = task.get_stack()
        where = "nowhere"
        if frames:
            code = frames[-1].f_code
            where = f"{code.co_filename}:{frames[-1].f_lineno} {code.co_name}"
        coroutine = task.get_coro()
        yield f"{getattr(coroutine, '__qualname__', coroutine)} at {where}"
