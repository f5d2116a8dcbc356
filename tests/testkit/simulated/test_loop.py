"""The loop: virtual time, hosts that vanish or stand still, and the same run for the same seed."""

import asyncio
import gc
import time

from testkit.simulated import loop
from testkit.simulated.loop import EPOCH_MS, Setup, run


def _hash(seed: int) -> list[float]:
    seen: list[float] = []

    async def main() -> None:
        async def echo(
            reader: asyncio.StreamReader, writer: asyncio.StreamWriter
        ) -> None:
            writer.write(await reader.read(100))

        _ = loop.spawn(_listen(echo), host="server")
        await asyncio.sleep(0.1)
        for _ in range(5):
            reader, writer = await asyncio.open_connection("server", 9092)
            writer.write(b"x")
            await reader.read(1)
            seen.append(asyncio.get_running_loop().time())
            writer.close()

    assert run(main, Setup(seed=seed)).problem is None
    return seen


async def _listen(taken: object) -> None:
    await asyncio.start_server(taken, "server", 9092)  # type: ignore[arg-type]


def test_a_seed_gives_the_same_run_and_another_seed_another() -> None:
    assert _hash(1) == _hash(1)
    assert _hash(1) != _hash(2)


def test_clocks_are_virtual_during_a_run_and_real_after_it() -> None:
    async def main() -> tuple[float, float]:
        await asyncio.sleep(3600)
        return time.time(), time.monotonic()

    before = time.time()
    wall, monotonic = run(main, Setup(seed=1)).value
    assert EPOCH_MS / 1000 + 3600 <= wall < EPOCH_MS / 1000 + 3601
    assert 3600 <= monotonic < 3601
    assert time.time() - before < 60


def test_a_crashed_host_goes_on_with_nothing() -> None:
    counted: list[int] = []

    async def counting() -> None:
        for number in range(100):
            counted.append(number)
            await asyncio.sleep(1)

    async def main() -> None:
        _ = loop.spawn(counting(), host="worker-1")
        await asyncio.sleep(10.5)
        loop.crash("worker-1")
        await asyncio.sleep(50)

    assert run(main, Setup(seed=1)).problem is None
    assert counted == list(range(11))


def test_nothing_of_a_crashed_host_acts_on_its_end() -> None:
    done: list[str] = []

    async def stubborn() -> None:
        try:
            await asyncio.sleep(1)
        except asyncio.CancelledError:
            done.append("cancelled")
        finally:
            done.append("tidied up")
            await asyncio.sleep(1)

    async def main() -> None:
        _ = loop.spawn(stubborn(), host="worker-1")
        await asyncio.sleep(0.5)
        assert len(loop.current().left_on("worker-1")) == 1
        loop.crash("worker-1")
        loop.restart("worker-1")
        await asyncio.sleep(5)
        assert loop.current().left_on("worker-1") == []
        assert done == []

    assert run(main, Setup(seed=1)).problem is None
    gc.collect()  # a coroutine that complains when it is collected fails the test


def test_a_suspended_host_stands_still_while_time_passes() -> None:
    at: list[int] = []

    async def counting() -> None:
        while True:
            at.append(round(time.monotonic()))
            await asyncio.sleep(1)

    async def main() -> None:
        _ = loop.spawn(counting(), host="worker-1")
        await asyncio.sleep(2.5)
        loop.current().suspend("worker-1")
        await asyncio.sleep(10)
        loop.current().resume("worker-1")
        await asyncio.sleep(1.2)

    assert run(main, Setup(seed=1)).problem is None
    assert at[:3] == [0, 1, 2]
    assert at[3] == round(12.5) or at[3] == 13


def test_errors_that_nobody_looked_at_are_told() -> None:
    async def failing() -> None:
        raise ValueError("nobody sees this")

    async def main() -> None:
        _ = loop.spawn(failing(), host="worker-1", name="failing")
        await asyncio.sleep(1)

    assert run(main, Setup(seed=1)).unobserved == [
        "failing: ValueError: nobody sees this"
    ]


def test_a_run_that_hangs_ends() -> None:
    async def main() -> None:
        for _ in range(1_000):
            await asyncio.sleep(1)

    ended = run(main, Setup(seed=1, most_s=100))
    assert "no end after" in str(ended.problem)
