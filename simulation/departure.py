"""How a worker process ended that was not killed."""

import msgspec


class Departure(msgspec.Struct, frozen=True, kw_only=True):
    """The end of a process."""

    worker: str
    """Its host and the number of its start: ``worker-1.2``."""
    code: int
    """Exit code."""
    asked: bool
    """Whether SIGTERM came before anything had failed."""
    overtaken: bool = False
    """Whether it was suspended then: what has become due meanwhile comes first, and may fail."""
    took_s: float
    """From SIGTERM, or from what ended it, to the exit; without the time it was suspended."""
    failure: BaseException | None
    """Why it ended; None = it was asked to."""

    @property
    def host(self) -> str:
        """The host it ran on."""
        return self.worker.rpartition(".")[0]
