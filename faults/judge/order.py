"""Whether answers stand in the order in which they were asked for (O4)."""

from collections.abc import Iterator

from faults.judge.view import Place, Rec, View, answered_place


def order_is_kept(view: View) -> Iterator[str]:
    """Along every output partition the offsets that are answered never go down (O4)."""
    for rec, offset, highest in _late(view):
        yield f"{rec}: answers {offset} after {highest}"


def refunds_keep_order(view: View) -> Iterator[str]:
    """In every output topic first decisions on a refund follow the order of its requests.

    This holds after crashes too: whoever judges an earlier request again knows the later
    decision, and calls the earlier one superseded or withdrawn. So only what is skipped may
    stand behind a later answer.
    """
    highest: dict[tuple[str, str], tuple[Rec, int]] = {}
    for rec in view.first.values():
        place = answered_place(rec, view.input_topic)
        if place is None or rec.topic == "skipped":
            continue
        refund = (rec.topic, rec.fields["refund_id"])
        before = highest.get(refund)
        if before is not None and place[1] < before[1]:
            yield f"{rec}: answers {place[1]}, {before[0]} answers {before[1]} already"
        else:
            highest[refund] = (rec, place[1])


def late_answers(view: View) -> int:
    """Count answers that stand behind those to later requests, repeats left out.

    A crash may leave some, and nothing else may: a request whose answer was still on its
    way to one topic is judged again, and with other facts its answer may go to another
    topic, where answers to later requests stand already.
    """
    return sum(1 for _ in _late(view))


def _late(view: View) -> Iterator[tuple[Rec, int, int]]:
    highest: dict[tuple[str, int], int] = {}
    folded: set[tuple[str, Place]] = set()
    for rec in (*view.decisions, *view.dead):
        place = answered_place(rec, view.input_topic)
        if place is None or (rec.topic, place) in folded:
            continue
        folded.add((rec.topic, place))
        where = (rec.topic, rec.partition)
        if place[1] < highest.get(where, -1):
            yield rec, place[1], highest[where]
        highest[where] = max(place[1], highest.get(where, -1))
