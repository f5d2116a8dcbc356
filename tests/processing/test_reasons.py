"""A catalogue of reasons: closed, complete, in order."""

import types

import msgspec
import pytest

from streams.processing.reasons import OURS, Reason, ReasonCatalog

LATE = Reason("LATE", 10, "XX-1", "迟到", "it came late", reviewer=("查", "Look."))
FINE = Reason(
    "FINE", 1, OURS, "正常", "all is well", reviewer=("无", "Rest."), outcome="accept"
)
OTHER = msgspec.structs.replace(LATE, code="ABSENT", state="unknown")


def test_two_codes_are_a_catalogue() -> None:
    catalog = ReasonCatalog((LATE, FINE))
    assert list(catalog) == ["FINE", "LATE"]
    assert catalog["LATE"] is LATE
    assert catalog.get("NO_SUCH_CODE") is None
    assert (LATE.disposition, LATE.outcome, LATE.state) == (
        "decided",
        "manual_review",
        "fails",
    )


def test_codes_are_listed_once_by_rank_and_then_by_name() -> None:
    catalog = ReasonCatalog((LATE, OTHER, FINE))
    assert catalog.in_order((LATE, LATE, OTHER, FINE)) == ("FINE", "ABSENT", "LATE")
    assert catalog.in_order(()) == ()


def test_a_code_of_another_catalogue_is_a_mistake_and_no_code() -> None:
    with pytest.raises(KeyError):
        ReasonCatalog((FINE,)).in_order((LATE,))


def test_every_row_of_a_module_is_in_the_catalogue() -> None:
    one, other = types.ModuleType("one"), types.ModuleType("other")
    vars(one).update(LATE=LATE, words=("a", "b"))
    vars(other).update(FINE=FINE, imported=LATE)
    assert set(ReasonCatalog.of(one, other)) == {"LATE", "FINE"}


@pytest.mark.parametrize(
    ("rows", "problem"),
    [
        ((LATE, msgspec.structs.replace(LATE, rank=11)), "LATE: stands in two rows"),
        ((msgspec.structs.replace(LATE, zh=""),), "LATE lacks a text"),
        ((msgspec.structs.replace(LATE, en=""),), "LATE lacks a text"),
        ((msgspec.structs.replace(LATE, reviewer=("查", "")),), "LATE lacks a text"),
        ((msgspec.structs.replace(LATE, operator=("", "x")),), "LATE lacks a text"),
        ((msgspec.structs.replace(LATE, code="too late"),), "'too late' is no code"),
        ((msgspec.structs.replace(LATE, code="late"),), "'late' is no code"),
    ],
)
def test_a_catalogue_with_a_mistake_is_refused(
    rows: tuple[Reason, ...], problem: str
) -> None:
    with pytest.raises(ValueError, match=problem):
        ReasonCatalog(rows)
