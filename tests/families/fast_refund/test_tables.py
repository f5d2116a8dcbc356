"""What one record does to the facts in memory; what cannot be read takes away."""

import json

import pytest

from streams.families.fast_refund.decision_history import Entry, Fate
from streams.families.fast_refund.freshness import fresh, lists_as_of
from streams.families.fast_refund.model import Buyer, Shop
from streams.families.fast_refund.policy import Policies
from streams.families.fast_refund.policy_type import POLICY
from streams.families.fast_refund.shared_tables import SharedTables
from streams.families.fast_refund.tables import UNREADABLE, PartitionTables
from streams.processing.applied import NOTHING, PARTITION, Applied, Misrouted
from streams.processing.partitioner import partition_of
from streams.processing.watermarks import Watermarks
from streams.records.json_values import Unreadable
from testkit import samples
from testkit.samples import BUYER, DROP, NOW, NUMBER, PARTITIONS, T

MARK = b"__watermark__"
KEY = b"o-1"
BAD = [b"", b"no json", b"[1]", b'"o-1"', b'{"order_id":5}', b"{}", b"\xff\xfe"]


OTHER = (NUMBER + 1) % PARTITIONS


def home_of(buyer_id: str) -> int:
    return partition_of(buyer_id, PARTITIONS)


STRANGER = next(f"b-{n}" for n in range(100, 150) if home_of(f"b-{n}") != NUMBER)
"""A buyer of another partition."""


def own() -> PartitionTables:
    return PartitionTables(NUMBER, PARTITIONS)


def shared() -> SharedTables:
    return SharedTables(Policies(), PARTITIONS)


def decided(refund_id: str = "r-1", order_id: str | None = "o-1") -> Entry:
    return Entry(
        refund_id,
        1,
        order_id,
        BUYER,
        "decided",
        "auto_approve",
        NOW,
        1,
        withdraws=False,
        reason_codes=(),
        value=b"",
    )


def status(tables: PartitionTables) -> object:
    order = tables.orders.get("o-1")
    assert order is not None
    return order.order_status


# -- orders ------------------------------------------------------------------------


def test_an_older_version_never_replaces_a_newer_one() -> None:
    tables = own()
    tables.apply_order(KEY, samples.order(order_version=5, order_status="shipped"))
    assert tables.apply_order(KEY, samples.order(order_version=4)) is NOTHING
    assert status(tables) == "shipped"
    tables.apply_order(KEY, samples.order(order_version=5, order_status="signed"))
    assert status(tables) == "signed"  # equal: what was written later
    tables.apply_order(KEY, samples.order(order_version=6))
    assert status(tables) == "paid"


@pytest.mark.parametrize("version", [None, "7", 7.0, True, samples.DROP])
def test_of_versions_that_cannot_be_compared_nobody_knows_the_newer(
    version: object,
) -> None:
    tables = own()
    tables.apply_order(KEY, samples.order(order_version=5, order_status="shipped"))
    tables.apply_order(KEY, samples.order(order_version=version))
    assert status(tables) == UNREADABLE
    # the next one after a version that can be compared again is believed
    tables.apply_order(KEY, samples.order(order_version=8))
    assert status(tables) == UNREADABLE
    tables.apply_order(KEY, samples.order(order_version=9))
    assert status(tables) == "paid"


def test_versions_that_cannot_be_compared_but_say_the_same_status_do_no_harm() -> None:
    tables = own()
    tables.apply_order(KEY, samples.order(order_version=5))
    tables.apply_order(KEY, samples.order(order_version=None, paid_fen=1))
    assert status(tables) == "paid"
    order = tables.orders.get("o-1")
    assert order is not None
    assert order.paid_fen == 1


@pytest.mark.parametrize("value", BAD)
def test_a_snapshot_that_cannot_be_read_takes_away_what_was_known(value: bytes) -> None:
    tables = own()
    tables.apply_order(KEY, samples.order())
    found = tables.apply_order(KEY, value)
    assert isinstance(found, Unreadable)
    assert not tables.orders.keys()


@pytest.mark.parametrize("key", [None, b"", b"\xff"])
def test_a_snapshot_that_cannot_be_read_without_a_key_is_told_all_the_same(
    key: bytes | None,
) -> None:
    tables = own()
    tables.apply_order(KEY, samples.order())
    assert isinstance(tables.apply_order(key, b"no json"), Unreadable)
    assert isinstance(tables.apply_order(key, None), Unreadable)
    assert set(tables.orders.keys()) == {"o-1"}


def test_a_tombstone_ends_an_order_and_an_older_snapshot_may_follow() -> None:
    tables = own()
    tables.apply_order(KEY, samples.order(order_version=5))
    assert tables.apply_order(KEY, None) == Applied(group="o-1")
    assert not tables.orders.keys()
    assert tables.apply_order(KEY, None) == Applied(group="o-1")
    tables.apply_order(KEY, samples.order(order_version=1))
    assert set(tables.orders.keys()) == {"o-1"}


def test_only_orders_that_have_a_refund_are_told() -> None:
    tables = own()
    assert tables.apply_order(KEY, samples.order()) is NOTHING
    tables.ledger.remember(decided())
    assert tables.apply_order(KEY, samples.order()) == Applied(group="o-1")
    assert tables.apply_order(KEY, None) == Applied(group="o-1")
    assert tables.apply_order(KEY, samples.order()) == Applied(group="o-1")


# -- buyers ------------------------------------------------------------------------


def test_a_buyer_row_is_replaced_and_ended() -> None:
    tables = own()
    assert tables.apply_buyer(None, samples.buyer()) is NOTHING
    tables.apply_buyer(None, samples.buyer(as_of_ms=NOW + 1))
    buyer = tables.buyers.get(BUYER)
    assert buyer is not None
    assert buyer.as_of_ms == NOW + 1
    assert tables.apply_buyer(BUYER.encode(), None) is NOTHING
    assert not tables.buyers.keys()
    assert isinstance(tables.apply_buyer(None, None), Unreadable)


def test_of_a_buyer_whose_row_cannot_be_read_nobody_knows_the_limits() -> None:
    tables = own()
    tables.apply_buyer(None, samples.buyer())
    assert isinstance(tables.apply_buyer(BUYER.encode(), b"no json"), Unreadable)
    assert tables.buyers.get(BUYER) == Buyer(BUYER)
    assert isinstance(tables.apply_buyer(None, b"no json"), Unreadable)


def test_a_buyer_in_a_partition_of_others_is_told_and_not_believed() -> None:
    tables = PartitionTables(OTHER, PARTITIONS)
    for _ in range(2):
        assert tables.apply_buyer(None, samples.buyer()) == Misrouted(NUMBER)
    assert not tables.buyers.keys()


def test_a_row_that_cannot_be_read_lets_no_buyer_of_another_partition_in() -> None:
    """Such a row would have made the next one look as if it had been checked."""
    tables = PartitionTables(OTHER, PARTITIONS)
    assert isinstance(tables.apply_buyer(BUYER.encode(), b"no json"), Unreadable)
    assert tables.apply_buyer(None, samples.buyer()) == Misrouted(NUMBER)
    assert not tables.buyers.keys()


# -- orders in a wrong partition -----------------------------------------------------


def test_an_order_in_a_partition_of_others_is_told_and_not_believed() -> None:
    tables = PartitionTables(OTHER, PARTITIONS)
    assert tables.apply_order(KEY, samples.order()) == Misrouted(NUMBER)
    assert not tables.orders.keys()


def test_an_order_that_names_no_buyer_belongs_where_its_id_does() -> None:
    home = partition_of("o-1", PARTITIONS)
    row = samples.order(buyer_id=None)
    for number in range(PARTITIONS):
        tables = PartitionTables(number, PARTITIONS)
        told = tables.apply_order(KEY, row)
        assert told == (NOTHING if number == home else Misrouted(home))
        assert set(tables.orders.keys()) == ({"o-1"} if number == home else set())


def test_a_buyer_that_cannot_be_read_names_no_partition() -> None:
    """Who reads the order sends it to a person (E-12)."""
    tables = own()
    unreadable: tuple[object, ...] = (7, ["b-77"], {})
    for buyer_id in unreadable:
        assert tables.apply_order(KEY, samples.order(buyer_id=buyer_id)) is NOTHING


def test_an_order_that_went_to_another_buyer_takes_the_old_snapshot_away() -> None:
    """A sender that forgets the tombstone may still write the new one over the old."""
    moved = samples.order(buyer_id=STRANGER, order_version=2)
    tables = own()
    tables.apply_order(KEY, samples.order())
    assert tables.apply_order(KEY, moved) == Misrouted(home_of(STRANGER))
    assert not tables.orders.keys()
    tables.apply_order(KEY, samples.order(order_version=3))
    assert set(tables.orders.keys()) == {"o-1"}


def test_an_order_of_the_same_buyer_is_hashed_once_and_one_whose_buyer_is_here_never(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    hashed: list[object] = []

    def counted(owner: object, *_where: object) -> None:
        hashed.append(owner)

    monkeypatch.setattr("streams.families.fast_refund.tables.misplaced", counted)
    tables = own()
    for version in range(3):
        tables.apply_order(KEY, samples.order(order_version=version))
    assert hashed == [BUYER]
    tables.apply_buyer(None, samples.buyer())
    tables.apply_order(b"o-2", samples.order(order_id="o-2"))
    assert hashed == [BUYER]


def test_orders_that_were_loaded_are_looked_at_afterwards() -> None:
    tables = own()
    tables.loading = True
    strange = samples.order(order_id="o-2", buyer_id=STRANGER)
    assert tables.apply_order(b"o-2", strange) is NOTHING
    unowned = next(
        f"o-{n}" for n in range(50) if partition_of(f"o-{n}", PARTITIONS) != NUMBER
    )
    nobody = samples.order(order_id=unowned, buyer_id=None)
    assert isinstance(tables.apply_order(None, nobody), Misrouted)  # looked at at once
    tables.apply_order(b"o-3", samples.order(order_id="o-3", buyer_id=STRANGER))
    tables.apply_order(KEY, samples.order())
    audit = tables.loaded()
    tables.apply_order(b"o-3", None)  # ended meanwhile
    told = [found for found in audit if found is not None]
    assert told == [Misrouted(home_of(STRANGER))]
    assert set(tables.orders.keys()) == {"o-1"}


# -- outcomes ----------------------------------------------------------------------


def test_a_payout_that_succeeded_is_the_last_word() -> None:
    tables = own()
    fate_of = tables.ledger.fate_of
    failed = samples.outcome("payout_failed")
    assert tables.apply_outcome(b"r-1", failed, 3) == Applied(key="r-1")
    assert fate_of("r-1") == Fate("payout_failed", NOW + 5_000, source_offset=3)
    tables.apply_outcome(b"r-1", samples.outcome("payout_succeeded"), 4)
    succeeded = fate_of("r-1")
    assert succeeded == Fate("payout_succeeded", NOW + 5_000, source_offset=4)
    assert tables.apply_outcome(b"r-1", failed, 5) is NOTHING
    assert fate_of("r-1") == succeeded


def test_a_review_is_kept_beside_the_payout_and_a_new_payout_reopens_it() -> None:
    tables = own()
    fate_of = tables.ledger.fate_of
    tables.apply_outcome(b"r-1", samples.outcome("payout_failed"), 1)
    assert tables.apply_outcome(b"r-1", samples.reviewed("rejected"), 2) is NOTHING
    assert fate_of("r-1") == Fate("payout_failed", NOW + 5_000, "rejected", 1)
    tables.apply_outcome(b"r-1", samples.outcome("payout_failed"), 3)
    assert fate_of("r-1") == Fate("payout_failed", NOW + 5_000, None, 3)


@pytest.mark.parametrize(
    "value",
    [
        samples.reviewed("postponed"),
        samples.outcome("paid_by_cheque"),
        samples.encoded({"refund_id": "r-1"}),
        samples.encoded({"refund_id": "r-1", "kind": ["payout_failed"]}),
        samples.encoded({"refund_id": "r-1", "kind": "reviewed", "result": {}}),
    ],
)
def test_an_outcome_of_an_unknown_kind_changes_nothing(value: bytes) -> None:
    tables = own()
    assert tables.apply_outcome(b"r-1", value, 1) is NOTHING
    assert tables.ledger.fate_of("r-1") is None


def test_a_moment_that_is_no_integer_is_no_moment() -> None:
    tables = own()
    tables.apply_outcome(b"r-1", samples.outcome("payout_failed", at_ms="now"), 1)
    assert tables.ledger.fate_of("r-1") == Fate("payout_failed", None, source_offset=1)


def test_a_veto_is_set_lifted_and_kept_as_sent() -> None:
    tables = own()
    for value in (True, False, "maybe"):
        assert tables.apply_outcome(KEY, samples.veto(on=value), 1) is NOTHING
        assert tables.ledger.vetoed("o-1")
        assert tables.ledger.veto_of("o-1") == value


def test_an_outcome_that_cannot_be_read_might_be_a_veto() -> None:
    tables = own()
    assert isinstance(tables.apply_outcome(KEY, b"no json", 1), Unreadable)
    assert isinstance(tables.apply_outcome(None, b"no json", 2), Unreadable)
    assert isinstance(tables.apply_outcome(b"o-2", None, 3), Unreadable)
    assert tables.ledger.veto_of("o-1") == UNREADABLE
    assert tables.ledger.veto_of("o-2") == UNREADABLE


def test_the_veto_feed_may_have_watermarks_of_its_own() -> None:
    tables = own()
    assert tables.apply_outcome(MARK, samples.watermark(NOW - 7), 1) is NOTHING
    assert tables.outcome_marks.ms == NOW - 7


def test_an_outcome_in_a_partition_of_others_is_told_and_counts_all_the_same() -> None:
    """A veto must count wherever it is."""
    tables = PartitionTables(OTHER, PARTITIONS)
    failed = samples.outcome("payout_failed", buyer_id=BUYER)
    changed = Applied(key="r-1")
    assert tables.apply_outcome(b"r-1", failed, 3) == Misrouted(NUMBER, changed)
    veto = samples.encoded({"order_id": "o-1", "veto": True, "buyer_id": BUYER})
    assert tables.apply_outcome(KEY, veto, 4) == Misrouted(NUMBER)
    assert tables.ledger.veto_of("o-1") is True
    assert own().apply_outcome(KEY, veto, 4) is NOTHING
    assert own().apply_outcome(b"r-1", failed, 3) == changed


# -- shared tables -----------------------------------------------------------------


def test_a_merchants_own_switch_changes_nothing() -> None:
    tables = shared()
    tables.apply_shop(0, b"s-1", samples.shop(standing="watch"))
    found = tables.apply_shop(0, b"s-1", samples.shop(enabled=False, by="merchant"))
    assert found is PARTITION
    assert tables.shops.get("s-1") == Shop(
        "s-1", enabled=True, standing="watch", as_of_ms=NOW
    )
    assert tables.apply_shop(0, b"s-1", samples.shop(enabled=False, by="op")) is NOTHING
    shop = tables.shops.get("s-1")
    assert shop is not None
    assert shop.enabled is False


def test_a_shop_row_that_cannot_be_read_makes_its_standing_unknown() -> None:
    tables = shared()
    tables.apply_shop(0, b"s-1", samples.shop())
    assert isinstance(tables.apply_shop(0, b"s-1", b"no json"), Unreadable)
    assert tables.shops.get("s-1") == Shop("s-1", standing=UNREADABLE)
    assert isinstance(tables.apply_shop(0, None, b"no json"), Unreadable)
    assert tables.apply_shop(0, b"s-1", None) is NOTHING
    assert not tables.shops.keys()
    assert tables.apply_shop(0, None, None) is NOTHING


def test_catalogue_rows_are_listed_taken_off_and_unknown() -> None:
    tables = shared()
    row = b"category:virtual"
    assert tables.apply_catalog(0, row, samples.category()) is NOTHING
    assert tables.catalog.listed == {"category:virtual": ("virtual",)}
    tables.apply_catalog(0, row, samples.category(excluded=False))
    assert tables.catalog.listed == {}
    for excluded in (None, 1, "true"):
        tables.apply_catalog(0, row, samples.category(excluded=excluded))
        assert tables.catalog.listed == {"category:virtual": (UNREADABLE,)}
    tables.apply_catalog(0, row, None)
    assert not tables.catalog.listed
    assert isinstance(tables.apply_catalog(0, row, b"[]"), Unreadable)
    assert tables.catalog.listed == {"category:virtual": (UNREADABLE,)}
    assert isinstance(tables.apply_catalog(0, None, b"[]"), Unreadable)
    assert tables.apply_catalog(0, None, None) is NOTHING


@pytest.mark.clause("E-32")
@pytest.mark.parametrize("own_id", [None, "", 5, ["b-1"], "cut \ud83d", DROP])
def test_a_row_whose_own_id_cannot_be_read_takes_away_what_was_known_under_its_key(
    own_id: object,
) -> None:
    """E-32."""
    mine, ours = own(), shared()
    mine.apply_buyer(BUYER.encode(), samples.buyer())
    ours.apply_shop(0, b"s-1", samples.shop())
    found = mine.apply_buyer(BUYER.encode(), samples.buyer(buyer_id=own_id))
    assert isinstance(found, Unreadable)
    assert mine.buyers.get(BUYER) == Buyer(BUYER)
    found = ours.apply_shop(0, b"s-1", samples.shop(shop_id=own_id))
    assert isinstance(found, Unreadable)
    assert ours.shops.get("s-1") == Shop("s-1", standing=UNREADABLE)
    mine.apply_order(b"o-1", samples.order())
    found = mine.apply_order(b"o-1", samples.order(order_id=own_id))
    assert isinstance(found, Unreadable)
    assert not mine.orders.keys()


def test_a_catalogue_id_without_its_kind_excludes_nothing_and_is_told() -> None:
    """E-32: under a key that names goods, those are in doubt."""
    tables = shared()
    for entry_id in ("wine", "category:", "sku:", "Sku:k-1"):
        found = tables.apply_catalog(
            0, entry_id.encode(), samples.category(id=entry_id)
        )
        assert isinstance(found, Unreadable)
        assert isinstance(tables.apply_catalog(0, entry_id.encode(), b"{"), Unreadable)
        assert not tables.catalog.listed
    assert isinstance(
        tables.apply_catalog(0, b"sku:k-1", samples.category(id="k-1")), Unreadable
    )
    assert tables.catalog.listed == {"sku:k-1": (UNREADABLE,)}


def test_the_catalogue_is_dated_by_its_own_feeds_and_lists_by_shops_too() -> None:
    tables = shared()
    for number in range(PARTITIONS):
        tables.apply_catalog(number, MARK, samples.watermark(NOW + number))
    assert tables.catalog.as_of_ms == NOW
    dated = [tables.lists_ms]
    for number in range(PARTITIONS):
        tables.apply_shop(number, MARK, samples.watermark(NOW - number))
    dated.append(tables.lists_ms)
    tables.apply_shop(0, MARK, None)  # a feed that ended vouches for nothing
    dated.append(tables.lists_ms)
    assert dated == [None, NOW - PARTITIONS + 1, None]


def policy(version: int = 2, **changes: object) -> bytes:
    return json.dumps(
        {"family": "FR", "version": version, "effective_from_ms": T, **changes}
    ).encode()


def test_policy_versions_come_on_top_of_what_is_there() -> None:
    tables = SharedTables(
        Policies(
            [POLICY.parse({"family": "FR", "version": 1, "effective_from_ms": 0})]
        ),
        PARTITIONS,
    )
    assert tables.apply_policy(None, policy(3, paid_limit_fen=10_000), NOW) is NOTHING
    assert tables.apply_policy(None, policy(2), NOW) is NOTHING
    assert [one.version for one in tables.policies] == [1, 2, 3]
    first, newest = tables.policies.at(T - 1), tables.policies.at(T)
    assert (first and first.version, newest and newest.version) == (1, 3)


def test_a_policy_that_is_refused_changes_nothing_and_is_told_until_a_good_one() -> (
    None
):
    tables = shared()
    found = tables.apply_policy(None, policy(paid_limit_fen="a lot", fast=True), NOW)
    assert isinstance(found, Unreadable)
    assert found.error == "policy_refused"
    assert len(found.message) <= 200
    (refusal,) = tables.book.refused_last
    assert (refusal.name, len(refusal.problems)) == ("FR@2", 2)
    assert tables.policies == ()
    assert tables.apply_policy(None, policy(), NOW) is NOTHING
    assert tables.book.refused_last == ()
    assert list(tables.book.refusals) == [refusal]


def test_policies_of_other_families_are_passed_over() -> None:
    tables = shared()
    assert tables.apply_policy(b"SV@1", b'{"family":"SV"}', NOW) is NOTHING
    assert tables.apply_policy(b"SV@1", None, NOW) is NOTHING
    assert isinstance(tables.apply_policy(b"FR@1", b"no json", NOW), Unreadable)
    assert tables.policies == ()


# -- watermarks and freshness ------------------------------------------------------


@pytest.mark.parametrize(
    "value", [b"{}", b"no json", b'{"watermark_ms":1.5}', b'{"watermark_ms":null}']
)
def test_a_watermark_that_cannot_be_read_is_told(
    value: bytes,
) -> None:
    assert isinstance(own().apply_order(MARK, value), Unreadable)
    assert isinstance(own().apply_buyer(MARK, value), Unreadable)
    assert isinstance(shared().apply_shop(0, MARK, value), Unreadable)


@pytest.mark.parametrize(
    ("own_ms", "mark", "expected"),
    [
        (5, None, 5),
        (None, None, None),
        (None, 7, 7),
        (5, 7, 7),
        (7, 7, 7),
        (9, 7, 9),
        ("5", 7, "5"),
        (5.0, 7, 5.0),
        (True, 7, True),
        ("5", None, "5"),
    ],
)
def test_a_fact_is_as_fresh_as_itself_or_its_feed_and_a_wrong_value_stays_wrong(
    own_ms: object, mark: int | None, expected: object
) -> None:
    found = fresh(own_ms, mark)
    assert found == expected
    assert type(found) is type(expected)


def test_lists_are_as_old_as_the_oldest_of_buyers_shops_catalogue_and_vetoes() -> None:
    tables, lists = own(), shared()
    tables.apply_buyer(MARK, samples.watermark(NOW + 1))
    tables.vetoes_known_ms = NOW + 2
    for number in range(PARTITIONS):
        lists.apply_shop(number, MARK, samples.watermark(NOW + 3))
        assert lists_as_of(tables, lists) is None
        lists.apply_catalog(number, MARK, samples.watermark(NOW + 4))
    assert lists_as_of(tables, lists) == NOW + 1
    tables.vetoes_known_ms = NOW
    assert lists_as_of(tables, lists) == NOW
    tables.apply_outcome(MARK, samples.watermark(NOW - 1), 0)
    assert lists_as_of(tables, lists) == NOW - 1  # a watermark says more than a poll
    tables.outcome_marks = Watermarks()
    tables.vetoes_known_ms = None
    assert lists_as_of(tables, lists) is None


def test_the_sample_buyer_belongs_where_the_samples_say() -> None:
    assert partition_of(BUYER, PARTITIONS) == NUMBER
