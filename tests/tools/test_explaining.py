import io

import pytest

from streams.decision.engine import decide
from streams.decision.facts import see
from streams.decision.model import Decision, Facts, Order, Request
from streams.decision.policy import Policies, override
from streams.errors import UsageError
from streams.settings import load_policy
from streams.tools import explaining

NOW_MS = 1_773_800_100_007


def decided() -> Decision:
    """An order that was paid too much, a minute and a bit ago; nothing else known."""
    policy = load_policy(None)
    request = Request(
        refund_id="r1",
        refund_version=1,
        action="open",
        order_id="o1",
        buyer_id="b1",
        shop_id="s1",
        refund_kind="refund_only",
        special_refund_type=0,
        refund_fen=100,
        requested_at_ms=NOW_MS - 7,
    )
    order = Order(
        *("o1", 1, "b1", "s1", "CNY", "paid", 30_000, 30_000, NOW_MS - 60_001)
    )
    facts = Facts(order=order, order_as_of_ms=NOW_MS - 60_001)
    return decide(request, see(request, facts, policy, NOW_MS), policy, NOW_MS)


def shown(language: explaining.Language) -> str:
    out = io.StringIO()
    explaining.show(decided(), load_policy(None), language, out)
    return out.getvalue()


def test_a_condition_that_fails_shows_value_bound_and_age() -> None:
    (line,) = [one for one in shown("en").splitlines() if "= 30000" in one]
    assert line.startswith("  fails ")
    assert "bound 30000, age 60001 <= 60000 ms: " in line


def test_states_are_told_in_the_language_asked_for() -> None:
    zh = shown("zh")
    assert "不满足" in zh
    assert "界限 30000" in zh
    assert "时效 60001 <= 60000 ms" in zh


def test_what_buyers_are_told_names_no_threshold() -> None:
    (line,) = [one for one in shown("en").splitlines() if one.startswith("buyer: ")]
    assert "30000" not in line
    assert "300" not in line


def test_json_holds_both_languages() -> None:
    text = explaining.as_json(decided(), load_policy(None))
    assert '"zh":' in text
    assert '"en":' in text


def test_a_policy_of_the_same_name_and_other_content_gives_no_bounds() -> None:
    other = override(load_policy(None), {"version": 1, "paid_limit_fen": 20_000})
    found, warning = explaining.policy_of(decided(), Policies((other,)))
    assert found is None
    assert f"made under FR@1 (hash {load_policy(None).policy_hash})" in warning
    assert f"known: FR@1 (hash {other.policy_hash})" in warning


def test_a_decision_without_a_policy_needs_none() -> None:
    policies = (load_policy(None),)

    found = decide(
        Request(refund_id="r1", refund_version=1, action="open"),
        see(Request(refund_id="r1"), Facts(), None, NOW_MS),
        None,
        NOW_MS,
    )
    assert explaining.policy_of(found, Policies(policies)) == (None, "")


@pytest.mark.parametrize("text", [b"", b"[]", b"\xff", b"[" * 100_000])
def test_what_is_no_decision_is_refused(text: bytes) -> None:
    with pytest.raises(UsageError, match="no decision record"):
        explaining.read_decision(text)
