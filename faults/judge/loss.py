"""A topic that was deleted and made again, looked at as one log: what it held, then the rest."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from faults.judge.view import Heard, OffsetSample, Rec, View


class Loss:
    """What a deleted topic held.

    Parameters
    ----------
    topic
        Without the prefix.
    records
        All it held when it was deleted.
    gone_ms
        When it was deleted, UTC ms; nothing was written to it for a moment before.
    """

    def __init__(self, topic: str, records: Sequence[Rec], gone_ms: int) -> None:
        self.topic = topic
        self.records = records
        self._gone_ms = gone_ms
        self._ends = Counter({rec.partition: rec.offset + 1 for rec in records})
        self._again_ms = 0
        self._heard_before = 0

    def made_again(self, at_ms: int, heard_before: int) -> None:
        """Say when the topic was there again, and how much had been heard by then."""
        self._again_ms, self._heard_before = at_ms, heard_before

    def whole(self, view: View) -> View:
        """Return the view as if the new topic went on where the old one ended."""
        before, after = (
            view.heard[: self._heard_before],
            view.heard[self._heard_before :],
        )
        return replace(
            view,
            outputs=[*self.records, *map(self._moved, view.outputs)],
            samples=[
                self._moved_sample(one)
                for one in view.samples
                if one.ended_ms < self._gone_ms or one.at_ms >= self._again_ms
            ],
            heard=[*before, *map(self._moved_heard, after)],
        )

    def decided_again(self, view: View) -> tuple[int, int]:
        """Count decisions that were lost and made again, and those of another outcome."""
        lost = {rec.identity for rec in self.records}
        again = [rec for identity, rec in view.first.items() if identity in lost]
        return len(again), sum(rec.topic != self.topic for rec in again)

    def _moved(self, rec: Rec) -> Rec:
        if rec.topic != self.topic:
            return rec
        return replace(rec, offset=rec.offset + self._ends[rec.partition])

    def _moved_heard(self, heard: Heard) -> Heard:
        if heard.topic != self.topic:
            return heard
        return replace(heard, offset=heard.offset + self._ends[heard.partition])

    def _moved_sample(self, sample: OffsetSample) -> OffsetSample:
        if sample.at_ms < self._again_ms:
            return sample
        ends = {
            (topic, number): end + (self._ends[number] if topic == self.topic else 0)
            for (topic, number), end in sample.ends.items()
        }
        return replace(sample, ends=ends)
