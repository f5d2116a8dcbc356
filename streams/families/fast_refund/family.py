"""The fast refund as a family: what the machinery is given."""

from typing import Final

from streams.families.fast_refund.topics import CODE, TOPICS
from streams.processing.topics import FamilyTopics


class FastRefund:
    """Refunds before shipment that quality buyers get at once."""

    code: str = CODE
    topics: FamilyTopics = TOPICS


FAMILY: Final = FastRefund()
