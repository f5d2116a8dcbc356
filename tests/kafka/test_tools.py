"""The commands that read and write Kafka, on a real broker."""

import asyncio
import json
import secrets
from collections.abc import Callable, Sequence
from hashlib import sha256
from pathlib import Path

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from streams.cli import execute
from streams.records.dead_letters import dead_letter, dead_letter_headers
from streams.records.record_format import Header
from streams.records.remains import remains
from streams.settings import Settings, load
from testkit.fakes import headers_in
from tests.families.made import modules
from tests.kafka.conftest import Kafka

Run = Callable[..., tuple[int, str, str]]
Headers = Sequence[Header]


@pytest.fixture
def settings(kafka: Kafka) -> Settings:
    prefix = f"t{secrets.token_hex(4)}."
    given = {
        "kafka.bootstrap_servers": kafka.bootstrap,
        "topics.prefix": prefix,
        "topics.events": prefix + "events",
        "topics.partitions": "2",
    }
    return load({}, None, given)


@pytest.fixture
def run(settings: Settings, capfd: pytest.CaptureFixture[str]) -> Run:
    """Run ``refund`` against fresh topics: exit code, output, errors."""
    sets = [
        f"topics.prefix={settings.topics.prefix}",
        f"topics.events={settings.topics.events}",
        "topics.partitions=2",
    ]

    def call(*arguments: str) -> tuple[int, str, str]:
        options = [part for one in sets for part in ("--set", one)]
        brokers = ("--bootstrap-servers", settings.kafka.bootstrap_servers)
        code = execute([*arguments, *options, *brokers], {})
        captured = capfd.readouterr()
        return code, captured.out, captured.err

    assert call("topics", "create")[0] == 0
    return call


def write(
    settings: Settings, topic: str, records: Sequence[tuple[bytes, bytes, Headers]]
) -> None:
    """Append to partition 1 of a topic of ours."""

    async def send() -> None:
        producer = AIOKafkaProducer(
            bootstrap_servers=settings.kafka.bootstrap_servers, acks="all"
        )
        async with producer:
            for key, value, headers in records:
                await producer.send_and_wait(
                    settings.topics.prefix + topic,
                    value,
                    key,
                    partition=1,
                    headers=list(headers),
                )

    asyncio.run(send())


def read(settings: Settings, topic: str) -> list[tuple[bytes, bytes, Headers]]:
    """Return all of partition 1 of a topic of ours."""

    async def fetch() -> list[tuple[bytes, bytes, Headers]]:
        where = TopicPartition(settings.topics.prefix + topic, 1)
        consumer = AIOKafkaConsumer(
            bootstrap_servers=settings.kafka.bootstrap_servers,
            auto_offset_reset="earliest",
        )
        async with consumer:
            consumer.assign([where])
            end = (await consumer.end_offsets([where]))[where]
            found: list[tuple[bytes, bytes, Headers]] = []
            while await consumer.position(where) < end:
                one = await consumer.getone(where)
                found.append((one.key, one.value, tuple(one.headers)))
            return found

    return asyncio.run(fetch())


def letter(
    settings: Settings, number: int, topic: str = "requests", error: str = "not_json"
) -> tuple[bytes, bytes, Headers]:
    origin = (settings.topics.prefix + topic, 1, number)
    headers = dead_letter_headers(
        [("traceparent", b"00-1")], origin, ("decode", error, "why"), 1_000, "0.1.0"
    )
    return b"k%d" % number, b"\xffbad", headers


def test_created_topics_pass_the_check(run: Run) -> None:
    assert run("topics", "check")[:2] == (0, "13 topics are as declared\n")


def test_topics_of_a_family_by_import_path_are_created_and_checked(
    run: Run, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = modules(tmp_path, monkeypatch).family("tools_family", "TF")
    prefix = settings.topics.prefix
    families = ("--set", f"worker.families=fast_refund,{name}")
    one = ("--set", "families.TF.partitions=1")
    code, _, err = run("topics", "check", *families, *one)
    assert code == 2
    assert set(err.splitlines()) == {
        f"refund: {prefix}{topic}: missing; run `refund topics create`"
        for topic in ("tf-days", "tf-shops", "tf-results")
    }
    code, out, _ = run("topics", "create", *families, *one)
    assert code == 0
    assert {line for line in out.splitlines() if line.startswith("created")} == {
        f"created {prefix}{topic}" for topic in ("tf-days", "tf-shops", "tf-results")
    }
    assert run("topics", "check", *families, *one)[0] == 0
    code, _, err = run("topics", "check", *families)
    assert code == 2
    assert f"refund: {prefix}tf-days: 1 partitions, declared 2; " in err
    wrong = ("--set", "families.TF.partitions=2")
    code, _, err = run("topics", "check", *families, *wrong)
    assert "declared 2; set families.TF.partitions to that everywhere" in err


def test_missing_topics_are_one_line_each(
    kafka: Kafka, capfd: pytest.CaptureFixture[str]
) -> None:
    brokers = ("--bootstrap-servers", kafka.bootstrap)
    code = execute(["topics", "check", "--set", "topics.prefix=nobody.", *brokers], {})
    lines = capfd.readouterr().err.splitlines()
    assert code == 2
    assert "refund: nobody.requests: missing; run `refund topics create`" in lines
    assert all(line.startswith("refund: ") for line in lines)


def test_dead_letters_are_listed_shown_and_sent_back(
    run: Run, settings: Settings
) -> None:
    letters = [letter(settings, 5), letter(settings, 6, error="no_id")]
    write(settings, "dead-letters", letters)

    code, out, _ = run("dlq", "list")
    rows = [line.split("\t") for line in out.splitlines()]
    prefix = settings.topics.prefix
    assert code == 0
    assert [row[:4] for row in rows[1:]] == [
        ["1:0", f"{prefix}requests:1:5", "decode", "not_json"],
        ["1:1", f"{prefix}requests:1:6", "decode", "no_id"],
    ]
    _, out, _ = run("dlq", "list", "--json", "--error", "no_id")
    assert [json.loads(line)["letter"] for line in out.splitlines()] == ["1:1"]
    _, out, _ = run("dlq", "list", "--json", "--limit", "1")
    assert [json.loads(line)["letter"] for line in out.splitlines()] == ["1:1"]

    code, out, _ = run("dlq", "show", "1:0")
    assert code == 0
    assert "refund_dlq_error: not_json\n" in out
    assert "key: k5\n" in out
    assert "value: 0xff626164\n" in out

    code, out, err = run("dlq", "list", "--error", "not_jason", "--topic", "order")
    assert (code, out) == (2, "")
    assert "--error not_jason: unknown; did you mean not_json?" in err
    assert "--topic order: unknown; " in err
    assert f"{prefix}orders" in err
    assert run("dlq", "list", "--error", "too_large")[0] == 0  # known, none there
    for topic in ("requests", f"{prefix}requests"):
        assert run("dlq", "list", "--topic", topic)[1].count("not_json") == 1
    assert run("dlq", "list", "--topic", "orders")[1].count("not_json") == 0

    forged = letter(settings, 7, error="no_id\n1:9\tforged\u202e")
    write(settings, "dead-letters", [forged])
    for command in (("list",), ("show", "1:2")):
        _, out, _ = run("dlq", *command)
        assert "no_id\\n1:9\\tforged\\u202e" in out
        assert "\u202e" not in out
    _, out, _ = run("dlq", "list", "--json", "--limit", "1")
    assert json.loads(out)["error"] == "no_id\n1:9\tforged\u202e"

    code, out, _ = run("dlq", "replay", "1:0")
    assert (code, read(settings, "requests")) == (0, [])
    assert out.endswith("1 would be sent; repeat with --yes\n")

    code, out, _ = run("dlq", "replay", "1:0", "--yes")
    assert (code, out.splitlines()[-1]) == (0, "1 sent")
    assert read(settings, "requests") == [
        (b"k5", b"\xffbad", (("traceparent", b"00-1"),))
    ]
    assert run("dlq", "replay", "--all", "--yes")[1].endswith("3 sent\n")


def test_a_cut_letter_names_its_original_and_is_not_sent_back(
    run: Run, settings: Settings
) -> None:
    requests = settings.topics.prefix + "requests"
    origin, why = (requests, 1, 41), ("decode", "too_large", "99999 bytes")
    left = remains(b"k1", b"v" * 99_997, (), 20_000)
    key, value, block = dead_letter(left, origin, why, 1_000, "0.1.0")
    cut = (key or b"", value or b"", tuple(headers_in(block)))
    write(settings, "dead-letters", [cut, letter(settings, 5)])

    _, out, _ = run("dlq", "list")
    assert "cut: 99999 bytes" in out
    _, out, _ = run("dlq", "list", "--json", "--error", "too_large")
    told = json.loads(out)
    assert (told["cut"], told["size"]) == (["value"], 99_999)
    assert told["sha256"] == sha256(b"k1" + b"v" * 99_997).hexdigest()
    words = (
        f"1:0: cut (value), so it cannot be replayed; the original of 99999 bytes is in "
        f"{requests} partition 1 at offset 41 until that topic deletes it"
    )
    assert words in run("dlq", "show", "1:0")[1]
    code, out, err = run("dlq", "replay", "1:0", "1:1", "--yes")
    assert (code, out, read(settings, "requests")) == (2, "", [])
    assert words in err
    code, out, _ = run("dlq", "replay", "--all", "--yes")
    assert (code, out.splitlines()[0]) == (0, f"left out {words}")
    assert out.endswith("1 sent\n")
    assert [key for key, *_ in read(settings, "requests")] == [b"k5"]


@pytest.mark.parametrize("place", ["1:9", "7:0"])
def test_a_letter_that_is_not_there_is_told(run: Run, place: str) -> None:
    for command in ("show", "replay"):
        code, out, err = run("dlq", command, place)
        assert (code, out) == (2, "")
        assert f"{place}: no such dead letter" in err


def test_a_letter_is_sent_to_no_topic_that_we_do_not_read(
    run: Run, settings: Settings
) -> None:
    write(
        settings,
        "dead-letters",
        [letter(settings, 5), letter(settings, 1, topic="approvals")],
    )
    code, out, err = run("dlq", "replay", "--all", "--yes")
    assert (code, out) == (2, "")
    assert "came from" in err
    assert read(settings, "requests") == []


def decision(version: int, **more: object) -> bytes:
    record = {
        "decision_id": f"FR:r:1:{version}",
        "family": "FR",
        "refund_id": "r:1",
        "refund_version": version,
        "order_id": "o1",
        "buyer_id": None,
        "shop_id": None,
        "disposition": "decided",
        "outcome": "manual_review",
        "reason_codes": ["BUYER_UNKNOWN"],
        "policy": "FR@1",
        "refund_fen": 100,
        "payout_key": None,
        "requested_at_ms": 1_773_800_100_000,
        "decided_at_ms": 1_773_800_100_007,
        "review_deadline_ms": None,
        "seen": None,
        **more,
    }
    return json.dumps(record).encode()


def test_a_decision_is_found_by_its_id_and_the_first_of_it_counts(
    run: Run, settings: Settings
) -> None:
    def headed(version: int) -> Headers:
        return [("ce_id", b"FR:r:1:%d" % version)]

    write(
        settings,
        "reviews",
        [
            (b"r:1", decision(1), headed(1)),
            (b"r:1", decision(1, reason_codes=["ORDER_SHIPPED"]), headed(1)),
            (b"r:1", decision(2, reason_codes=["ORDER_VETOED"]), headed(2)),
            (b"r:2", b"{", headed(9)),
        ],
    )
    code, out, err = run("explain", "FR:r:1:1", "--json")
    assert (code, err) == (0, "")
    first = json.loads(out)
    assert first["decision_id"] == "FR:r:1:1"
    assert run("explain", "r:1")[1].startswith("FR:r:1:2\ngoes to a person")
    code, _, err = run("explain", "FR:nobody:1")
    assert (code, err.count("\n")) == (1, 1)
    assert "no decision FR:nobody:1" in err
    code, _, err = run("explain", "r:2")
    assert code == 1
    assert "holds no decision" in err
