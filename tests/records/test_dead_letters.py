"""Dead letters keep what came, and add where it came from and why it died."""

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from streams.records.dead_letters import ERRORS, dead_letter_headers, last_text
from testkit.samples import NOW

ROOT = Path(__file__).parents[2]
ORIGIN = ("refund.requests", 3, 17)
WHY = ("decode", "not_json", "坏 json")


def test_the_pages_name_every_error_of_the_closed_list() -> None:
    pages = {"decode": "operations", "fact": "operations", "ingest": "kuaishou"}
    for stage, errors in ERRORS.items():
        text = (ROOT / f"docs/{pages[stage]}.md").read_text("utf-8")
        assert [error for error in errors if f"`{error}`" not in text] == []


def test_where_when_and_why_follow_the_original_headers() -> None:
    original = [("a", b"1")]
    found = dead_letter_headers(original, ORIGIN, WHY, NOW, "1.2.3")
    assert found == [
        ("a", b"1"),
        ("refund_dlq_topic", b"refund.requests"),
        ("refund_dlq_partition", b"3"),
        ("refund_dlq_offset", b"17"),
        ("refund_dlq_stage", b"decode"),
        ("refund_dlq_error", b"not_json"),
        ("refund_dlq_message", "坏 json".encode()),
        ("refund_dlq_failed_at_ms", str(NOW).encode()),
        ("refund_dlq_app_version", b"1.2.3"),
    ]
    assert original == [("a", b"1")]


@given(st.lists(st.tuples(st.sampled_from(["a", "b", "ä"]), st.binary(max_size=6))))
def test_original_headers_are_kept_byte_for_byte_doubles_included(
    original: list[tuple[str, bytes]],
) -> None:
    found = dead_letter_headers(original, ORIGIN, WHY, NOW, "1")
    assert found[: len(original)] == original
    assert len(found) == len(original) + 8


def test_of_a_letter_that_died_twice_the_last_death_counts() -> None:
    once = dead_letter_headers((), ORIGIN, WHY, NOW, "1")
    twice = dead_letter_headers(once, ("other", 1, 2), WHY, NOW, "2")
    assert last_text(twice, "topic") == "other"
    assert last_text(twice, "offset") == "2"
    assert last_text(once, "topic") == "refund.requests"


def test_what_is_missing_or_has_no_value_is_none() -> None:
    assert last_text([("a", b"1")], "topic") is None
    assert last_text([("refund_dlq_topic", None)], "topic") is None
    assert last_text([("refund_dlq_topic", b"\xff")], "topic") == "\ufffd"
