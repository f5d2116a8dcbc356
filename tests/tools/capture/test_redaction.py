import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.errors import RefundError, SettingsError
from streams.processing.partitioner import partition_of
from streams.settings import Secret, Settings
from streams.tools.capture.record import Captured
from streams.tools.capture.redaction import Redactor, buyer_keyed, refuse_events

KEY = Secret("a key of some length")
PARTITIONS = 8


def redactor(key: Secret | None = KEY) -> Redactor:
    return Redactor(key, PARTITIONS, buyer_keyed(Settings()), "refund.dead-letters")


def record(
    value: bytes | None, topic: str = "refund.requests", key: bytes | None = b"r-1"
) -> Captured:
    return Captured(topic, 0, 0, 1, 0, key, value)


def redacted(fields: dict[str, Any]) -> dict[str, Any]:
    value = redactor().redact(record(json.dumps(fields).encode())).value
    found: dict[str, Any] = json.loads(value or b"null")
    return found


@given(buyer_id=st.text(min_size=1, max_size=30))
def test_a_buyer_keeps_the_partition_and_gets_one_new_id(buyer_id: str) -> None:
    new = redactor().buyer(buyer_id)
    assert new == redactor().buyer(buyer_id)
    assert partition_of(new, PARTITIONS) == partition_of(buyer_id, PARTITIONS)
    assert new != buyer_id


def test_another_key_gives_other_ids_and_another_fingerprint() -> None:
    other = redactor(Secret("another key, as long"))
    assert other.buyer("b-77") != redactor().buyer("b-77")
    assert other.fingerprint != redactor().fingerprint


def test_ids_join_across_topics_keys_and_depths() -> None:
    one = redactor()
    new = one.buyer("b-77")
    facts = one.redact(record(b'{"buyer_id":"b-77"}', "refund.buyers", b"b-77"))
    assert facts.key == new.encode()
    assert facts.value == b'{"buyer_id":"%b"}' % new.encode()
    decision = {"buyer_id": "b-77", "seen": {"buyer_id": "b-77"}}
    assert redacted(decision) == {"buyer_id": new, "seen": {"buyer_id": new}}


def test_everything_else_keeps_its_bytes() -> None:
    value = b'{ "a" : 1.50, "buyer_id" :\t"b-77", "x": "\\u4ef7 \\"buyer_id\\":\\"b-77\\"" }'
    found = redactor().redact(record(value))
    new = redactor().buyer("b-77").encode()
    assert found.value == value.replace(b'\t"b-77"', b'\t"%b"' % new)
    assert found.key == b"r-1"


@given(st.text(min_size=1, max_size=20))
def test_no_spelling_of_an_id_gets_through(buyer_id: str) -> None:
    for spelling in (json.dumps(buyer_id), json.dumps(buyer_id, ensure_ascii=False)):
        try:
            value = b'{"buyer_id":%b}' % spelling.encode()
        except UnicodeEncodeError:
            continue
        found = redactor().redact(record(value)).value
        assert found == b"" or json.loads(found or b"") == {
            "buyer_id": redactor().buyer(buyer_id)
        }


@pytest.mark.parametrize(
    "value",
    [
        b'{"buyer_id":"b-77"',
        b'{"buyer\\u005fid":"b-77"}',
        b'{"buyer_id":["b-77"]}',
        b'{"buyer_id":{"id":"b-77"}}',
        b'{"lines":[{"buyer_id":true}]}',
        b"b-77",
        b'\xff{"buyer_id":"b-77"}',
        b'{"buyer_id":"b\\ud800"}',
    ],
)
def test_what_cannot_be_read_is_left_out_and_counted(value: bytes) -> None:
    one = redactor()
    assert one.redact(record(value)).value == b""
    assert one.blanked == 1


def test_a_number_in_place_of_an_id_stays_a_wrong_value_but_says_nothing() -> None:
    assert redacted({"buyer_id": 77}) == {"buyer_id": 0}
    assert redacted({"buyer_id": None}) == {"buyer_id": None}


def test_null_empty_and_watermarks_stay() -> None:
    one = redactor()
    assert one.redact(record(None)).value is None
    assert one.redact(record(b"")).value == b""
    mark = record(b'{"watermark_ms":5}', "refund.buyers", b"__watermark__")
    assert one.redact(mark) == mark
    assert one.blanked == 0


def test_the_key_of_a_buyers_dead_letter_is_redacted_too() -> None:
    letter = Captured(
        "refund.dead-letters",
        0,
        0,
        1,
        0,
        b"b-77",
        b"",
        (("refund_dlq_topic", b"refund.buyers"),),
    )
    assert redactor().redact(letter).key == redactor().buyer("b-77").encode()


@pytest.mark.parametrize("key", [None, Secret("too short")])
def test_a_missing_or_short_key_is_refused(key: Secret | None) -> None:
    with pytest.raises(SettingsError, match="at least 16 characters"):
        redactor(key)


def test_platform_events_are_refused() -> None:
    refuse_events(("refund.requests",), "platform.events")
    with pytest.raises(RefundError, match=r"platform\.events: --redact-buyers"):
        refuse_events(("platform.events",), "platform.events")
