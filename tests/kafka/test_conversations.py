"""The real broker in the conversations by which the simulated one is judged."""

import asyncio
import os
import time
from collections.abc import Mapping
from typing import TypeAlias

import pytest

from testkit.simulated.conversations.subjects import SUBJECTS, every, keep, kept
from testkit.simulated.conversations.talk import Conversation, transcript
from testkit.simulated.conversations.wire import Endpoint
from tests.kafka.conftest import Kafka
from tests.testkit.simulated.differences import assert_same

Transcripts: TypeAlias = Mapping[Conversation, list[str]]


@pytest.fixture(scope="module")
def real(kafka: Kafka, *, update_cases: bool) -> Transcripts:
    """All conversations with the real broker, held at the same time."""
    said = asyncio.run(held(kafka))
    if update_cases:
        for subject, talks in SUBJECTS.items():
            keep(subject, {talk.__name__: said[talk] for talk in talks})
    return said


async def held(kafka: Kafka) -> Transcripts:
    host, port = kafka.bootstrap.split(",")[0].split(":")
    endpoint = Endpoint(host, int(port), lambda: time.time_ns() // 1_000_000)  # noqa: TID251
    run = os.urandom(4).hex()
    talks = [talk for _, talk in every()]
    said = await asyncio.gather(
        *(
            transcript(talk, endpoint, f"{run}-{number}.")
            for number, talk in enumerate(talks)
        )
    )
    return dict(zip(talks, said, strict=True))


@pytest.mark.parametrize(("subject", "talk"), every())
def test_real_broker_says_what_was_written_down(
    real: Transcripts, subject: str, talk: Conversation
) -> None:
    assert_same(talk, kept(subject)[talk.__name__], real[talk])
