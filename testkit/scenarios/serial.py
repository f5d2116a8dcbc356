"""Scenarios of several requests, or of facts that change in between."""

from collections.abc import Mapping
from typing import Any, Final

from testkit.scenarios.eras import DAY
from testkit.scenarios.script import Scenario, Script


def _begun(number: int, now_ms: int, era: str = "now", **order: Any) -> Script:  # noqa: ANN401 - JSON
    """Begin with a good buyer and one order."""
    script = Script(number, now_ms, era)
    script.buyer()
    script.order(**order)
    return script


def vetoed(number: int, now_ms: int) -> Script:
    """An operator's veto stands on the order."""
    script = _begun(number, now_ms)
    order_id = f"o-{script.name}-1"
    script.outcome(0, order_id, order_id=order_id, veto=True)
    script.request("ORDER_VETOED")
    return script


def misrouted(number: int, now_ms: int) -> Script:
    """Facts about its order and buyer are in their own partition, so it sees none."""
    script = _begun(number, now_ms)
    script.request("REQUEST_MISROUTED ORDER_DETAIL_UNKNOWN BUYER_QUALITY_UNKNOWN")
    script.misroute()
    return script


def second_after_approval(number: int, now_ms: int) -> Script:
    """Two more refunds of an order follow an approved one."""
    script = _begun(number, now_ms)
    script.request("")
    script.request("PRIOR_REFUND_ON_ORDER", 2)
    script.request("PRIOR_REFUND_ON_ORDER OPEN_REFUND_ON_ORDER", 3)
    return script


def second_beside_open(number: int, now_ms: int) -> Script:
    """A second refund comes while the first waits for a person."""
    script = _begun(number, now_ms, pay_type=88)
    script.request("PAY_LATER")
    script.request("PAY_LATER OPEN_REFUND_ON_ORDER", 2)
    return script


def late_version(number: int, now_ms: int) -> Script:
    """A first version arrives, twice, after the second one."""
    script = _begun(number, now_ms)
    script.request("", refund_version=2, action="edit")
    script.request("SUPERSEDED_BY_VERSION")
    script.request("SUPERSEDED_BY_VERSION")  # the same again
    return script


def edited_after_approval(number: int, now_ms: int) -> Script:
    """An approved request is edited."""
    script = _begun(number, now_ms)
    script.request("")
    script.request(
        "REQUEST_EDITED_AFTER_APPROVAL", wave=1, refund_version=2, action="edit"
    )
    return script


def edited_into_approval(number: int, now_ms: int) -> Script:
    """A request that went to a person is edited and approved."""
    script = _begun(number, now_ms)
    script.request("REFUND_AMOUNT_INVALID", refund_fen=19_901)
    script.request("", wave=1, refund_version=2, action="edit")
    return script


def withdrawn_after_approval(number: int, now_ms: int) -> Script:
    """An approved request is withdrawn, twice: a notice says so once."""
    script = _begun(number, now_ms)
    script.request("")
    script.request("REQUEST_WITHDRAWN", wave=1, action="withdraw", refund_version=2)
    script.again(2)
    script.notices.append(f"withdrawn_after_approval:FR:r-{script.name}-1:1")
    return script


def withdrawn_first(number: int, now_ms: int) -> Script:
    """The withdrawal arrives before the request."""
    script = _begun(number, now_ms)
    script.request("REQUEST_WITHDRAWN", action="withdraw")
    script.request("REQUEST_WITHDRAWN")
    return script


def delivered_again(number: int, now_ms: int) -> Script:
    """Meanwhile the goods were shipped: a new judgement would come out otherwise."""
    script = _begun(number, now_ms)
    script.request("")
    script.again(0)
    script.order(wave=1, order_status="shipped", shipped_at_ms=now_ms + DAY)
    script.again(2)
    script.notices.append(f"race:FR:r-{script.name}-1:1")
    return script


def breaker(number: int, now_ms: int) -> Script:
    """A shop has its maximum of approvals."""
    shop_id = f"s-{number}"
    script = _begun(number, now_ms, "guarded", shop_id=shop_id)
    script.order(2, shop_id=shop_id)
    script.request("", shop_id=shop_id)
    script.request("BREAKER_OPEN", 2, shop_id=shop_id, order_id=f"o-{script.name}-2")
    return script


def count_limit(number: int, now_ms: int) -> Script:
    """A buyer has the maximum number of approvals."""
    fen = {"paid_fen": 1_000, "refundable_left_fen": 1_000}
    script = _begun(number, now_ms, "strict", **fen)
    for refund, codes in enumerate(("", "", "BUYER_COUNT_LIMIT"), 1):
        script.order(refund, **fen)
        order_id = f"o-{script.name}-{refund}"
        script.request(codes, refund, refund_fen=1_000, order_id=order_id)
    return script


def quota(number: int, now_ms: int) -> Script:
    """A buyer would get more than the maximum amount."""
    script = _begun(number, now_ms, "strict")
    script.order(2, paid_fen=20_101, refundable_left_fen=20_101)
    script.request("")
    order_id = f"o-{script.name}-2"
    script.request("BUYER_AMOUNT_QUOTA", 2, refund_fen=20_101, order_id=order_id)
    return script


def once_an_order(number: int, now_ms: int) -> Script:
    """An order gets one automatic approval, though part of it is left."""
    script = _begun(number, now_ms, "strict")
    script.request("", refund_fen=9_900)
    script.request(
        "PRIOR_REFUND_ON_ORDER ORDER_ALREADY_AUTO_APPROVED", 2, refund_fen=9_900
    )
    return script


def payout_failed(number: int, now_ms: int) -> Script:
    """A payout fails: a person gets the refund, and the order is open."""
    script = _begun(number, now_ms)
    refund_id = f"r-{script.name}-1"
    script.request("")
    script.outcome(
        1, refund_id, refund_id=refund_id, kind="payout_failed", at_ms=now_ms
    )
    script.expected[f"FR:{refund_id}:1:refund_failed", False] = frozenset(
        {"REFUND_FAILED"}
    )
    script.request("OPEN_REFUND_ON_ORDER", 2, wave=2)
    script.request(
        "REQUEST_EDITED_AFTER_APPROVAL OPEN_REFUND_ON_ORDER", wave=2, refund_version=2
    )
    return script


def rejected_by_a_person(number: int, now_ms: int) -> Script:
    """A person rejects the first refund; the second is judged anew."""
    script = _begun(number, now_ms)
    refund_id = f"r-{script.name}-1"
    script.request("REFUND_AMOUNT_INVALID", refund_fen=19_901)
    script.outcome(
        1, refund_id, refund_id=refund_id, kind="reviewed", result="rejected"
    )
    script.request("", 2, wave=2)
    return script


_ALL: Final[tuple[Scenario, ...]] = (
    vetoed,
    misrouted,
    second_after_approval,
    second_beside_open,
    late_version,
    edited_after_approval,
    edited_into_approval,
    withdrawn_after_approval,
    withdrawn_first,
    delivered_again,
    breaker,
    count_limit,
    quota,
    once_an_order,
    payout_failed,
    rejected_by_a_person,
)
SERIAL: Final[Mapping[str, Scenario]] = {one.__name__: one for one in _ALL}
"""By name."""
