import io
import json
from typing import get_args

import msgspec
import pytest
from rich.cells import cell_len

from streams.errors import UsageError
from streams.families.fast_refund.decide import decide
from streams.families.fast_refund.decision_codec import decode_decision
from streams.families.fast_refund.explain import FastRefundExplainer
from streams.families.fast_refund.model import Decision, Facts, Order, Request, Seen
from streams.families.fast_refund.policy import Policies, Policy
from streams.families.fast_refund.policy_type import POLICY
from streams.families.fast_refund.seen import see
from streams.processing.words import Language
from streams.settings import load_policy
from streams.tools import explaining
from streams.tools.columns import wrapped
from streams.tools.decide import decide_lines
from streams.tools.show import json_line
from tests.families.fast_refund import cases

NOW_MS = 1_773_800_100_007
SHIPPED = load_policy(None)
EXPLAINER = FastRefundExplainer()


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


def shown(
    language: Language, decision: Decision | None = None, by: Policy | None = SHIPPED
) -> str:
    out = io.StringIO()
    found = explaining.Found(EXPLAINER, decision or decided(), by, "")
    explaining.show(found, language, out)
    return out.getvalue()


@pytest.mark.parametrize(
    ("language", "words"),
    [("en", "too long to quote: paths, skus"), ("zh", "过长未录：paths, skus")],
)
def test_what_was_too_long_to_be_quoted_is_named(
    language: Language, words: str
) -> None:
    decision = decided()
    assert decision.seen is not None
    seen = msgspec.structs.replace(decision.seen, cut=("paths", "skus"))
    told = shown(language, msgspec.structs.replace(decision, seen=seen))
    assert words in " ".join(told.split())
    assert words not in " ".join(shown(language).split())


def test_a_condition_that_fails_shows_value_bound_and_age() -> None:
    lines = shown("en").splitlines()
    at = lines.index("  fails: the order was paid less than the limit (FR-1.4b)")
    assert lines[at + 1 : at + 3] == [
        "    300.00 yuan; must be below 300.00 yuan",
        "    age 1 min 0.001 s; at most 1 min",
    ]


def test_states_are_told_in_the_language_asked_for() -> None:
    lines = shown("zh").splitlines()
    at = lines.index("  不满足：实付金额低于限额 (FR-1.4b)")
    assert lines[at + 1 : at + 3] == [
        "    300.00元；须低于300.00元",
        "    时效 1分0.001秒；最多 1分",
    ]


def test_what_fails_stands_above_what_is_unknown_and_that_above_what_holds() -> None:
    text = shown("en")
    places = [text.index(f"\n  {state}: ") for state in ("fails", "unknown", "holds")]
    assert places == sorted(places)


def test_what_buyers_are_told_names_no_threshold() -> None:
    (line,) = [one for one in shown("en").splitlines() if one.startswith("  buyer: ")]
    assert "30000" not in line
    assert "300" not in line


CASES = [
    decode_decision(line)
    for case in cases.CASES
    if not cases.in_stream(case)
    for line in decide_lines([cases.raw_of(case)], cases.SHIPPED)
    if b'"dead_letter"' not in line
]


@pytest.mark.parametrize("language", get_args(Language))
@pytest.mark.parametrize("by", [SHIPPED, None])
def test_no_line_of_any_case_is_wider_than_60_columns(
    language: Language, by: Policy | None
) -> None:
    for decision in CASES:
        for line in shown(language, decision, by).splitlines():
            assert cell_len(line) <= 60, line


ODD: tuple[object, ...] = (
    None,
    True,
    5.5,
    "x",
    -1,
    10**30,
    [],
    {},
    [None],
    [[1]],
    {"a": [{}]},
)


@pytest.mark.parametrize(
    "field", msgspec.structs.fields(Seen), ids=lambda one: one.name
)
def test_whatever_was_recorded_as_seen_can_be_told(
    field: msgspec.structs.FieldInfo,
) -> None:
    record = msgspec.to_builtins(CASES[0])
    for value in ODD:
        seen = {**record["seen"], field.name: value}
        try:
            odd = msgspec.convert({**record, "seen": seen}, Decision)
        except msgspec.ValidationError:
            continue  # no reader of ours takes it
        for language in get_args(Language):
            assert shown(language, odd, SHIPPED)
            assert shown(language, odd, None)


def test_no_id_forges_a_line_whatever_it_holds() -> None:
    forged = "r1\nnotice: approved\u202e\x1b[2J\u200b"
    seen = decided().seen
    assert seen is not None
    odd = msgspec.structs.replace(
        decided(),
        decision_id=f"FR:{forged}:1",
        refund_id=forged,
        order_id=forged,
        reason_codes=(forged, "ORDER_SHIPPED"),
        policy=forged,
        outcome=forged,
        seen=msgspec.structs.replace(seen, order_status=forged),
    )
    for language in get_args(Language):
        text = shown(language, odd, None)
        assert "\nnotice: approved" not in text
        assert all(line.isprintable() for line in text.splitlines())
        assert all(cell_len(line) <= 60 for line in text.splitlines())
        assert "r1\\nnotice:" in text
    line = json_line(EXPLAINER.explain(odd, None))
    assert line.isprintable()
    assert msgspec.json.decode(line)["refund_id"] == forged


def test_a_policy_that_is_not_at_hand_is_named_with_how_to_give_it() -> None:
    seventh = POLICY.override(SHIPPED, {"version": 7, "paid_limit_fen": 20_000})
    odd = msgspec.structs.replace(
        decided(), policy="FR@7", policy_hash=seventh.policy_hash
    )
    en, zh = shown("en", odd, None), shown("zh", odd, None)
    assert "no policy is in force" not in en
    assert "规则未加载" not in zh
    assert f"The policy FR@7 (hash {seventh.policy_hash}) is not" in en
    assert "--policy FILE" in en
    assert "is explained as recorded" in " ".join(en.split())
    assert f"规则 FR@7 (hash {seventh.policy_hash}) 不在手边" in zh
    assert "fails: the order was paid less than the limit" in en
    assert "must be below" not in en
    assert (
        json.loads(json_line(EXPLAINER.explain(odd, None)))["policy_at_hand"] is False
    )


def test_a_line_breaks_at_words_and_beside_chinese_but_no_mark_begins_one() -> None:
    assert list(wrapped("aa bb cc", "- ", "  ", 7)) == ["- aa bb", "  cc"]
    assert list(wrapped("一二三，四", "", "", 6)) == ["一二", "三，四"]
    assert list(wrapped("abcdefghij", "x ", "  ", 6)) == ["x abcd", "  efgh", "  ij"]
    assert list(wrapped("", "only")) == ["only"]


@pytest.mark.parametrize("one", ["x", "退", "\u0301", " x"])
def test_a_long_text_loses_nothing(one: str) -> None:
    lines = list(wrapped(one * 20_000, "  "))
    assert "".join(lines).replace(" ", "") == one.strip() * 20_000
    assert all(cell_len(line) <= 60 for line in lines)


def test_json_holds_both_languages() -> None:
    text = json_line(EXPLAINER.explain(decided(), load_policy(None)))
    assert '"zh":' in text
    assert '"en":' in text


def test_a_policy_of_the_same_name_and_other_content_gives_no_bounds() -> None:
    other = POLICY.override(load_policy(None), {"version": 1, "paid_limit_fen": 20_000})
    found, warning = explaining.policy_of(decided(), Policies((other,)))
    assert found is None
    assert f"made under FR@1 (hash {load_policy(None).policy_hash})" in warning
    assert f"known: FR@1 (hash {other.policy_hash})" in warning


def test_a_decision_without_a_policy_needs_none() -> None:
    policies = (SHIPPED,)

    found = decide(
        Request(refund_id="r1", refund_version=1, action="open"),
        see(Request(refund_id="r1"), Facts(), None, NOW_MS),
        None,
        NOW_MS,
    )
    assert explaining.policy_of(found, Policies(policies)) == (None, "")


@pytest.mark.parametrize("text", [b"", b"[]", b"\xff", b"[" * 100_000])
def test_what_is_no_decision_is_refused(text: bytes) -> None:
    with pytest.raises(UsageError, match="not a decision record"):
        explaining.read_decision(text, EXPLAINER)
