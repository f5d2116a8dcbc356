"""The closed list of reason codes of the fast refund."""

from typing import Final

from streams.families.fast_refund.reasons import (
    amount,
    buyer,
    goods,
    order,
    prior_refunds,
    request,
    service,
    shop,
)
from streams.processing.reasons import ReasonCatalog

REASONS: Final = ReasonCatalog.of(
    request, service, order, goods, amount, buyer, shop, prior_refunds
)
"""Every code in display order: by rank, then by name."""
