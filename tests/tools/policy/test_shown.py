import io
import json

import pytest

from streams.families.fast_refund.policy import Policy
from streams.processing.policies.publication import PolicyRecord, Publication
from streams.tools.policy.shown import print_diff, print_history, print_proposal
from streams.tools.policy.wording import differences, span, worded
from testkit.samples import NOW
from tests.families.fast_refund.test_policy_book import DAY, Book, policy
from tests.families.fast_refund.world import SHIPPED


@pytest.mark.parametrize(
    ("key", "value", "words"),
    [
        ("paid_limit_fen", 30_000, "30,000 fen = 300.00 yuan"),
        ("paid_limit_fen", 5, "5 fen = 0.05 yuan"),
        ("quality_max_age_ms", 86_400_000, "86400000 = 1 d"),
        ("lists_max_age_ms", 60_000, "60000 = 1 min"),
        ("lists_max_age_ms", 1_500, "1500 = 1500 ms"),
        ("effective_from_ms", 1_577_836_800_000, "2020-01-01T00:00:00.000Z = 1577836800000"),
        ("service_paused", False, "false"),
        ("buyer_count_max", None, "off"),
        ("excluded_roots", ("custom", "虚拟"), '["custom", "虚拟"]'),
    ],
)  # fmt: skip
def test_values_are_told_in_units_of_people(
    key: str, value: object, words: str
) -> None:
    assert worded(key, value) == words


def test_no_value_is_endless() -> None:
    assert worded("paid_limit_fen", 10**400).endswith("... (401 characters)")
    assert span(0) == "0 ms"


def test_only_what_differs_is_told_and_the_version_goes_without_saying() -> None:
    assert list(differences(SHIPPED, policy(2, SHIPPED.effective_from_ms))) == []
    found = [key for key, _, _ in differences(SHIPPED, policy(2, paid_limit_fen=1))]
    assert found == ["effective_from_ms", "paid_limit_fen"]


def proposed(book: Book, record: PolicyRecord[Policy]) -> list[str]:
    out = io.StringIO()
    print_proposal(record, book, NOW, out)
    return out.getvalue().splitlines()


def test_a_proposal_is_shown_against_what_is_in_force_and_what_waits() -> None:
    book = Book()
    book.put(2, NOW + DAY, paid_limit_fen=20_000)
    book.pausing()
    said = Publication(author="li\nroot", reason="sale", backtest="day-7")
    lines = proposed(book, PolicyRecord(policy(3, paid_limit_fen=25_000), said))
    assert lines[1] == "by li\\nroot: sale"  # nobody forges a line
    assert "backtest: day-7" in lines
    told = "\n".join(lines)
    for part in (
        "in force: FR@1 (hash ",
        "waiting: FR@2 (hash ",
        "pause: paused at once until resumed, by li: why",
        "FR@3 against FR@1, in force:",
        "  paid_limit_fen: 30,000 fen = 300.00 yuan -> 25,000 fen = 250.00 yuan",
        "FR@3 against FR@2, waiting:",
        "  paid_limit_fen: 20,000 fen = 200.00 yuan -> 25,000 fen = 250.00 yuan",
        "overtakes: FR@2 will never be in force",
    ):
        assert part in told


def test_without_a_file_a_difference_is_that_of_what_waits() -> None:
    book = Book()
    book.put(2, NOW + DAY, paid_limit_fen=20_000)
    out = io.StringIO()
    print_diff(None, book, NOW, out)
    told = out.getvalue()
    assert "FR@2, waiting, against FR@1, in force:" in told
    assert "300.00 yuan -> 20,000 fen = 200.00 yuan" in told
    print_diff(policy(2, NOW + DAY, paid_limit_fen=20_000), book, NOW, out)
    assert "FR@2 against FR@2, waiting: the same" in out.getvalue()


def test_missing_versions_and_an_unreadable_pause_are_told_first() -> None:
    book = Book()
    book.put(3, NOW + DAY)
    book.apply(b"FR:pause", b"no json", NOW)
    out = io.StringIO()
    print_diff(None, book, NOW, out)
    assert out.getvalue().splitlines() == [
        "in force: none, every request goes to a person",
        out.getvalue().splitlines()[1],
        "missing: FR@2",
        "pause: the last record cannot be read, so the service is paused",
    ]


def test_the_history_has_versions_refusals_and_pauses_in_their_order() -> None:
    book = Book()
    book.put(2)
    book.put(2, paid_limit_fen=20_000)
    book.pausing(NOW + 1)
    book.pausing(NOW + 2, paused=False)
    out = io.StringIO()
    print_history(book, NOW, "json", out)
    rows = [json.loads(line) for line in out.getvalue().splitlines()]
    assert [(row["what"], row["state"]) for row in rows] == [
        ("FR@1", "past"),
        ("FR@2", "in_force"),
        ("FR@2", "refused (policy_conflict)"),
        ("FR:pause", "paused"),
        ("FR:pause", "resumed"),
    ]
    out = io.StringIO()
    print_history(book, NOW, "table", out)
    lines = out.getvalue().splitlines()
    assert lines[0].split("\t")[:3] == ["when", "what", "hash"]
    assert lines[1].startswith("(file)\tFR@1\t")
    assert "\tli\tbecause\t" in lines[2]
