"""Every sample file ends in the class its description gives it."""

import pytest

from streams.platforms.kuaishou.reading import Reader
from tests.platforms.kuaishou.samples import FOLDER, load, records

CLASSES = {
    "kwaishop_order_addOrder.json": ["accepted"],
    "kwaishop_order_paySuccess.json": ["accepted"],
    "kwaishop_order_delivering.json": ["accepted"],
    "kwaishop_order_deliverySuccess.json": ["accepted"],
    "kwaishop_order_orderSuccess.json": ["accepted"],
    "kwaishop_order_orderFail.json": ["accepted"],
    "kwaishop_order_totalFeeChange.json": ["accepted"],
    "kwaishop_aftersales_addRefund.json": ["accepted"],
    "kwaishop_aftersales_updateRefund.json": ["accepted"],
    "awkward_heartbeat.json": ["ignored"],
    "awkward_null_open_id.json": ["manual_review"],
    "awkward_duplicate_event_id.jsonl": ["accepted", "ignored"],
    "awkward_duplicate_content_new_event_id.jsonl": ["accepted", "ignored"],
    "awkward_unknown_status_number.json": ["manual_review"],
    "awkward_info_not_json.json": ["dead_letter"],
    "awkward_extra_unknown_fields.json": ["accepted"],
    "awkward_ids_as_strings.json": ["accepted"],
    "awkward_late_update.jsonl": ["accepted", "ignored"],
    "awkward_ship_before_pay.jsonl": ["accepted", "ignored"],
    "awkward_status_contradicts_tag.json": ["manual_review"],
    "awkward_unconsumed_tag.json": ["ignored"],
    "legacy_order_paid_info.json": ["dead_letter"],
    "legacy_refund_created_info.json": ["dead_letter"],
    "legacy_refund_success_info.json": ["dead_letter"],
}
NO_MESSAGES = {
    "awkward_encrypted_body.json",
    *(path.name for path in FOLDER.glob("api_*.json")),
}


@pytest.mark.parametrize("name", CLASSES)
def test_a_sample_file_ends_in_its_class(name: str) -> None:
    reader = Reader()
    assert [reader.classify(raw).kind.value for raw in records(name)] == CLASSES[name]


@pytest.mark.parametrize("name", [name for name in CLASSES if name.endswith(".json")])
def test_a_pretty_printed_value_reads_like_its_minified_form(name: str) -> None:
    pretty = (FOLDER / name).read_bytes()
    assert Reader().classify(pretty) == Reader().classify(records(name)[0])


def test_every_message_file_has_a_class() -> None:
    files = {
        path.name for path in FOLDER.iterdir() if path.suffix in {".json", ".jsonl"}
    }
    assert files == set(CLASSES) | NO_MESSAGES


def test_the_plaintext_of_an_encrypted_push_is_a_message() -> None:
    kinds = [
        Reader().classify(vector["plaintext"].encode()).kind.value
        for vector in load("awkward_encrypted_body.json")
    ]
    assert kinds == ["ignored", "accepted"]
