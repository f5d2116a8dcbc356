"""Before anything starts, without a broker: what is waited for, and for how long.

With one: tests/kafka/test_admission.py and test_refusals.py.
"""

import asyncio
import socket
from collections.abc import Iterator

import pytest

from streams.errors import SettingsError, WorkerError
from streams.settings import Settings, load
from streams.worker.preflight import check_topics

pytestmark = pytest.mark.asyncio

DEADLINE_S = 60


@pytest.fixture
def nobody() -> Iterator[str]:
    """An address at which nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        yield f"127.0.0.1:{probe.getsockname()[1]}"


def settings(servers: str, **changes: str) -> Settings:
    changed = {name.replace("__", "."): value for name, value in changes.items()}
    return load({}, None, {"kafka.bootstrap_servers": servers, **changed})


async def test_without_a_broker_the_worker_ends_with_what_to_check(
    nobody: str,
) -> None:
    with pytest.raises(WorkerError, match="no broker answers: ") as caught:
        await asyncio.wait_for(
            check_topics(settings(nobody, worker__load_timeout_ms="1")), DEADLINE_S
        )
    assert "check kafka.bootstrap_servers" in str(caught.value)


async def test_it_asks_again_until_the_time_is_over(
    nobody: str, caplog: pytest.LogCaptureFixture
) -> None:
    asking = asyncio.create_task(
        check_topics(settings(nobody, worker__load_timeout_ms="600000"))
    )
    async with asyncio.timeout(DEADLINE_S):
        while len([one for one in caplog.messages if "yet" in one]) < 2:
            assert not asking.done()
            await asyncio.sleep(0.02)
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking


async def test_files_that_cannot_be_used_are_not_waited_for(nobody: str) -> None:
    changes = {
        "kafka__security_protocol": "SSL",
        "kafka__ssl_ca_location": "/nowhere/ca.pem",
    }
    with pytest.raises(SettingsError, match=r"there is no file /nowhere/ca\.pem"):
        await asyncio.wait_for(check_topics(settings(nobody, **changes)), DEADLINE_S)
