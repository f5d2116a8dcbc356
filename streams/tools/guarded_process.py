"""Run a child process that never outlives this process."""

import signal
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

KILL_WAIT_S = 10
"""Seconds to wait after SIGKILL; it works at once, except on a machine out of
memory."""

_WATCH = 'read -r _; kill -KILL "$0"'
"""Standard input ends when its writer, our process, ends in any way."""


class GuardedProcess:
    """A child process in a process group of its own, and a watcher that ends it.

    Its own group: Ctrl-C in the terminal reaches us, not the child, so that we stop it
    cleanly. But our session: Linux first shares processors among sessions
    (``sched_autogroup``), and a broker's compiler would get as much as a worker,
    whatever its priority. The watcher reads a pipe of ours and kills the child when the
    pipe ends, even after SIGKILL. (``PR_SET_PDEATHSIG`` would fire when the starting
    *thread* ends.)

    Parameters
    ----------
    command
        Program and arguments.
    log
        File to which standard output and error are appended.
    environ
        Environment of the child; None = ours.
    """

    def __init__(
        self,
        command: Sequence[str],
        log: Path,
        environ: Mapping[str, str] | None = None,
    ) -> None:
        with log.open("ab") as sink:
            self._child = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=sink,
                stderr=subprocess.STDOUT,
                process_group=0,
                env=environ,
            )
        self._watcher = subprocess.Popen(
            ["/bin/sh", "-c", _WATCH, str(self._child.pid)],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )

    @property
    def pid(self) -> int:
        """Return the process id of the child."""
        return self._child.pid

    def wait(self, timeout_s: float) -> int | None:
        """Return the exit code; None = the child still runs after ``timeout_s``."""
        try:
            code = self._child.wait(timeout_s)
        except subprocess.TimeoutExpired:
            return None
        self._dismiss()
        return code

    def pause(self) -> None:
        """Freeze the child; connections stay open, nothing answers."""
        self._child.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Resume a paused child; no effect when it runs."""
        self._child.send_signal(signal.SIGCONT)

    def kill(self) -> None:
        """End the child at once, paused or not; blocks until it is gone."""
        self._child.kill()
        self._child.wait(KILL_WAIT_S)
        self._dismiss()

    def terminate(self) -> None:
        """Ask the child to stop cleanly, paused or not; returns at once."""
        self.resume()
        self._child.terminate()

    def _dismiss(self) -> None:
        # Before the pid may be reused: the watcher must not kill another process.
        self._watcher.kill()
        self._watcher.wait(KILL_WAIT_S)
        if self._watcher.stdin is not None:
            self._watcher.stdin.close()
