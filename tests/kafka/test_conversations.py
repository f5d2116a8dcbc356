"""The real broker in the conversations by which the simulated one is judged."""

import asyncio
import os
import time
from collections.abc import Mapping
from typing import TypeAlias

import pytest

from testkit.broker import LocalCluster
from testkit.simulated.conversations import simulated
from testkit.simulated.conversations.subjects import (
    SUBJECTS,
    THREE_NODES,
    every,
    keep,
    keep_versions,
    kept,
    kept_versions,
    nodes_for,
)
from testkit.simulated.conversations.talk import Conversation, transcript
from testkit.simulated.conversations.versions import Versions, outside, versions_of
from testkit.simulated.conversations.wire import Endpoint
from tests.kafka.conftest import Kafka
from tests.testkit.simulated.differences import assert_same

Subjects: TypeAlias = Mapping[str, tuple[Conversation, ...]]
Said: TypeAlias = Mapping[Conversation, list[str]]


def endpoint_of(bootstrap: str) -> Endpoint:
    host, port = bootstrap.split(",", maxsplit=1)[0].split(":")
    return Endpoint(host, int(port), lambda: time.time_ns() // 1_000_000)  # noqa: TID251


async def held(subjects: Subjects, bootstrap: str) -> Said:
    """All of them at the same time: most only wait for the broker's time-outs."""
    endpoint, run = endpoint_of(bootstrap), os.urandom(4).hex()
    talks = [talk for rows in subjects.values() for talk in rows]
    said = await asyncio.gather(
        *(
            transcript(talk, endpoint, f"{run}-{number}.")
            for number, talk in enumerate(talks)
        )
    )
    return dict(zip(talks, said, strict=True))


def written_down(subjects: Subjects, said: Said) -> None:
    for subject, talks in subjects.items():
        keep(subject, {talk.__name__: said[talk] for talk in talks})


@pytest.fixture(scope="module")
def single(kafka: Kafka, *, update_cases: bool) -> Said:
    said = asyncio.run(held(SUBJECTS, kafka.bootstrap))
    if update_cases:
        written_down(SUBJECTS, said)
    return said


@pytest.fixture(scope="module")
def three(cluster3: LocalCluster, *, update_cases: bool) -> Said:
    said = asyncio.run(held(THREE_NODES, cluster3.bootstrap_servers))
    if update_cases:
        written_down(THREE_NODES, said)
    return said


@pytest.fixture(scope="module")
def versions(kafka: Kafka, *, update_cases: bool) -> Versions:
    found = asyncio.run(versions_of(endpoint_of(kafka.bootstrap)))
    if update_cases:
        keep_versions(found)
    return found


@pytest.fixture
def real(request: pytest.FixtureRequest, subject: str) -> Said:
    fixture = "single" if nodes_for(subject) == 1 else "three"
    said: Said = request.getfixturevalue(fixture)
    return said


@pytest.mark.kafka
@pytest.mark.parametrize(("subject", "talk"), every())
def test_real_and_simulated_broker_say_the_same(
    real: Said, subject: str, talk: Conversation
) -> None:
    assert_same(talk, real[talk], simulated.said(talk, nodes_for(subject)))


@pytest.mark.kafka
@pytest.mark.parametrize(("subject", "talk"), every())
def test_real_broker_says_what_was_written_down(
    real: Said, subject: str, talk: Conversation
) -> None:
    assert_same(talk, kept(subject)[talk.__name__], real[talk])


def test_simulated_broker_takes_no_version_that_the_real_one_does_not(
    versions: Versions,
) -> None:
    assert outside(simulated.offered(), versions) == []


def test_real_broker_offers_the_versions_that_were_written_down(
    versions: Versions,
) -> None:
    assert versions == kept_versions()
