"""The protocol of a slice for every kind of step: slices in, acknowledged outputs out.

Still ours → read → still ours → work → track → append → release → count → room. An
offset may be committed once the last output of its slice is acknowledged; the next
slice does not wait for that. Ownership is checked again after every await.
"""

import asyncio
from collections.abc import AsyncIterable, Callable

from streams.kafka.sink import Sink
from streams.kafka.slices import Part, Poll, Slice, Step, paced
from streams.kafka.source import Source


class SliceDriver:
    """Runs the slices of polls through a step, and their outputs to the sink.

    Parameters
    ----------
    acknowledged
        Called for each acknowledged part with topic and latencies (record time to
        acknowledgement, ms).
    now_ms
        Wall clock, UTC ms.
    """

    def __init__(
        self,
        source: Source,
        sink: Sink,
        step: Step,
        acknowledged: Callable[[str, list[int]], None],
        now_ms: Callable[[], int],
    ) -> None:
        self._source = source
        self._sink = sink
        self._step = step
        self._acknowledged = acknowledged
        self._now_ms = now_ms

    async def run(self, polls: AsyncIterable[Poll]) -> None:
        """Turn the slices of polls into outputs until the stream ends.

        ``OutputLostError`` is left uncaught: the process ends, the offset has not moved,
        the next worker reads the slice again.
        """
        async for poll in polls:
            await self.handle(poll)

    async def handle(self, poll: Poll) -> None:
        """Turn the slices of one poll into outputs."""
        self._step.begin(poll)
        async for piece in paced(poll):
            await self._handle_slice(piece)

    async def _handle_slice(self, piece: Slice) -> None:
        source, step = self._source, self._step
        if not await source.still_ours(piece):
            return
        await step.read(piece)
        while True:
            if not await source.still_ours(piece):
                step.abandon(piece)  # the partition's new owner reads it again
                return
            part = step.take(piece)
            self._send(part)
            await self._sink.room()
            if part.last:
                return
            await asyncio.sleep(0)  # lets heartbeats and acknowledgements run

    def _send(self, part: Part) -> None:
        """Pass outputs to the sink; once all are acknowledged, the part may be committed."""
        piece = part.piece
        pending = self._source.offsets.track_slice(piece.partition, piece.end_offset)
        for where, records in part.outputs.items():
            self._sink.append(where, records, pending)

        def done() -> None:
            at_ms = self._now_ms()
            ages = [at_ms - record.timestamp for record in piece.records]
            self._acknowledged(piece.partition.topic, ages)
            if part.on_done is not None:
                part.on_done()

        pending.on_done = done
        pending.release()
