"""docs/asyncapi.yaml and docs/schemas say what the code does."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import jsonschema
import msgspec
import pytest
import yaml

from streams.families.fast_refund import codec, orders, schemas, wire
from streams.families.fast_refund.decide import judge_again
from streams.families.fast_refund.decision_codec import decode_decision, encode_decision
from streams.families.fast_refund.due_notices import NOTICE_KINDS
from streams.families.fast_refund.model import Buyer, Limit, Quality, Request, Shop
from streams.families.fast_refund.policy_type import POLICY
from streams.kafka.topic_admin import declare
from streams.platforms.kuaishou.names import Kind
from streams.platforms.kuaishou.reading import Reader
from streams.platforms.registry import installed
from streams.processing.policies.breaker_reset import parse_breaker_reset
from streams.processing.policies.pause import parse_pause
from streams.processing.policies.publication import parse_record
from streams.processing.topics import Topic
from streams.processing.watermarks import WATERMARK_KEY
from streams.records import json_values
from streams.records.dead_letters import dead_letter, dead_letter_headers
from streams.records.headers import SliceHeaders, event_source, event_types
from streams.records.json_values import Unreadable
from streams.records.notices import Notice, encode_notice
from streams.records.remains import remains
from streams.settings import Settings, load_policy
from streams.settings.topics import topic_name
from testkit import samples
from testkit.fakes import headers_in

DOCS: Final = Path(__file__).parents[3] / "docs"
PAGE: Final[dict[str, Any]] = yaml.safe_load(
    (DOCS / "asyncapi.yaml").read_text(encoding="utf-8")
)
TRACE: Final = b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
CHANNELS: Final = PAGE["channels"]
MESSAGES: Final = PAGE["components"]["messages"]
EXAMPLES: Final = [
    pytest.param(name, example, id=f"{name}: {example['name']}")
    for name, message in MESSAGES.items()
    for example in message["examples"]
]


def test_the_channels_are_the_topics_that_are_declared_in_the_same_order() -> None:
    declared = [spec.name for spec in declare(installed(Settings()), Settings())]
    assert [channel["address"] for channel in CHANNELS.values()] == declared


@pytest.mark.parametrize(
    "spec", declare(installed(Settings()), Settings()), ids=lambda spec: str(spec.name)
)
def test_a_topic_is_bound_as_it_is_declared(spec: Any) -> None:  # noqa: ANN401 - parametrised
    (channel,) = (one for one in CHANNELS.values() if one["address"] == spec.name)
    binding = channel["bindings"]["kafka"]
    assert binding["topic"] == spec.name
    assert binding["partitions"] == spec.partitions
    assert binding["replicas"] == spec.replication_factor
    shown = {
        key: ",".join(value) if isinstance(value, list) else str(value)
        for key, value in binding["topicConfiguration"].items()
    }
    safety = {"min.insync.replicas", "unclean.leader.election.enable"}  # by settings
    assert shown == {
        key: value for key, value in spec.config.items() if key not in safety
    }


@pytest.mark.parametrize("row", installed(Settings()), ids=lambda row: str(row.name))
def test_a_topic_carries_the_records_of_its_row(row: Topic) -> None:
    address = topic_name(row, Settings().topics)
    (channel,) = (one for one in CHANNELS.values() if one["address"] == address)
    found = {
        MESSAGES[name]["payload"]["$ref"].removeprefix("./schemas/")
        for name in channel["messages"]
        if "payload" in MESSAGES[name]
    }
    assert found == {f"{name}.json" for name in row.records}


def test_every_message_is_on_a_channel_and_every_channel_is_used() -> None:
    on_channels = {name for one in CHANNELS.values() for name in one["messages"]}
    assert on_channels == set(MESSAGES)
    used = {
        one["channel"]["$ref"].removeprefix("#/channels/")
        for one in PAGE["operations"].values()
    }
    assert used == set(CHANNELS)


def test_the_schema_files_are_those_made_from_the_code() -> None:
    made = dict(schemas.files())
    assert {path.name for path in (DOCS / "schemas").iterdir()} == set(made)
    for name, text in made.items():
        found = (DOCS / "schemas" / name).read_text(encoding="utf-8")
        assert found == text, f"{name} is old; docs/topics.md says how to renew it"


def test_every_schema_is_a_sound_one_and_some_message_uses_it() -> None:
    for name in schemas.RECORDS:
        jsonschema.Draft202012Validator.check_schema(schemas.schema(name))
    used = {
        message["payload"]["$ref"]
        for message in MESSAGES.values()
        if "payload" in message
    }
    assert used == {f"./schemas/{name}.json" for name in schemas.RECORDS}


# Parts of a snapshot that are kept for people and audits; no rule reads them.
RECORDED: Final = {
    "ordered_at_ms",
    "freight_fen",
    "coupon_shop_fen",
    "coupon_platform_fen",
    "subsidy_fen",
}


@pytest.mark.parametrize(
    ("wire_kind", "read", "more"),
    [
        (wire.OrderSnapshot, orders._Snapshot, RECORDED),  # noqa: SLF001 - what is read
        (wire.OrderLine, orders._Line, {"is_gift"}),  # noqa: SLF001
        (wire.CatalogRow, codec.CatalogEntry, set()),
        (wire.OutcomeRecord, codec.Outcome, set()),
        (wire.WatermarkRecord, json_values.Watermark, set()),
        (wire.QualityEntry, Quality, set()),
        (wire.LimitEntry, Limit, set()),
        (wire.ShopFacts, Shop, {"by"}),
    ],
)
def test_what_a_sender_should_write_is_what_is_read(
    wire_kind: type[msgspec.Struct], read: type[msgspec.Struct], more: set[str]
) -> None:
    assert set(wire_kind.__struct_fields__) == set(read.__struct_fields__) | more


def test_what_a_sender_should_write_of_a_buyer_is_what_is_read() -> None:
    read = set(Buyer.__struct_fields__) - {"limits_readable"}
    assert set(wire.BuyerFacts.__struct_fields__) == read


@pytest.mark.parametrize(("name", "example"), EXAMPLES)
def test_an_example_fits_its_schema(name: str, example: dict[str, Any]) -> None:
    message = MESSAGES[name]
    if "payload" in message:
        schema = message["payload"]["$ref"].removeprefix("./schemas/")
        jsonschema.validate(
            example["payload"], schemas.schema(schema.removesuffix(".json"))
        )
    if "headers" in message:
        headers = message["headers"]["$ref"].rsplit("/", 1)[-1]
        jsonschema.validate(example["headers"], PAGE["components"]["schemas"][headers])


def read_decision(value: bytes) -> object:
    decision = decode_decision(value)
    assert encode_decision(decision) == value, "the page has the bytes of a decision"
    return decision


def read_notice(value: bytes) -> object:
    notice = msgspec.json.decode(value, type=Notice)
    assert notice.kind in NOTICE_KINDS
    assert encode_notice(notice) == value
    return notice


def read_platform_event(value: bytes) -> object:
    verdict = Reader().classify(value)
    assert verdict.kind in {Kind.ACCEPTED, Kind.IGNORED}
    return verdict


def read_request(value: bytes) -> object:
    request = codec.decode_request(value)
    assert isinstance(request, Request)
    assert request.faults is None
    return request


READERS: Final[dict[str, Callable[[bytes], object]]] = {
    "request": read_request,
    "order": orders.decode_order,
    "buyer": codec.decode_buyer,
    "outcome": codec.decode_outcome,
    "shop": codec.decode_shop,
    "catalogRow": codec.decode_catalog_entry,
    "policy": lambda value: parse_record(POLICY, msgspec.json.decode(value)),
    "pause": lambda value: parse_pause(msgspec.json.decode(value), "FR"),
    "breakerReset": lambda value: parse_breaker_reset(
        msgspec.json.decode(value), "FR", POLICY.breakers, samples.NOW
    ),
    "watermark": json_values.decode_watermark,
    "approval": read_decision,
    "review": read_decision,
    "skipped": read_decision,
    "notice": read_notice,
    "platformEvent": read_platform_event,
}


@pytest.mark.parametrize(("name", "example"), EXAMPLES)
def test_an_example_is_read_by_the_reader_of_its_topic(
    name: str, example: dict[str, Any]
) -> None:
    value = msgspec.json.encode(example["payload"])
    if name == "deadLetter":
        found = codec.decode_request(value)
        assert isinstance(found, Unreadable)
        assert found.error == example["headers"]["refund_dlq_error"]
        assert found.message == example["headers"]["refund_dlq_message"]
    else:
        assert not isinstance(READERS[name](value), Unreadable)


@pytest.mark.parametrize("name", ["approval", "review", "skipped"])
def test_an_example_decision_comes_out_again_when_it_is_judged_again(name: str) -> None:
    decision = decode_decision(
        msgspec.json.encode(MESSAGES[name]["examples"][0]["payload"])
    )
    assert judge_again(decision, load_policy(None)) == decision


def test_the_headers_of_the_page_are_those_that_are_written() -> None:
    block = SliceHeaders(
        event_types(("auto_approve",)), event_source("/refund.requests"), "t", 0, 0
    ).build("auto_approve", "FR:1:1", 0, (("traceparent", TRACE),))
    shown = PAGE["components"]["schemas"]["decisionHeaders"]
    assert [key for key, _ in headers_in(block)] == list(shown["properties"])
    why = ("decode", "e", "m")
    letter = dead_letter_headers((), ("t", 0, 0), why, 0, "0.1.0")
    shown = PAGE["components"]["schemas"]["deadLetterHeaders"]
    assert [key for key, _ in letter] == shown["required"]
    left = msgspec.structs.replace(
        remains(b"k", b"v" * 9_999, (), 8_192), last_offset=1
    )
    *_, block = dead_letter(left, ("t", 0, 0), why, 0, "0.1.0")
    assert [key for key, _ in headers_in(block)] == list(shown["properties"])


def test_the_key_of_watermarks_is_on_the_page() -> None:
    described = MESSAGES["watermark"]["bindings"]["kafka"]["key"]["description"]
    assert WATERMARK_KEY.decode() in described
