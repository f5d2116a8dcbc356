import subprocess
import sys

import msgspec
import pytest

from simulation.drawing import plan_of
from simulation.plan import Plan, decode, encode
from streams.settings import load
from streams.settings.contradictions import contradictions
from streams.settings.model import Settings

SEEDS = range(300)

HASHED = """
import hashlib
from simulation.drawing import plan_of
from simulation.plan import encode
print(hashlib.sha256(b"".join(encode(plan_of(seed)) for seed in range(50))).hexdigest())
"""


def test_a_seed_gives_the_same_plan_in_every_process() -> None:
    found = {
        subprocess.run(
            [sys.executable, "-c", HASHED],
            env={"PYTHONHASHSEED": str(seed), "PYTHONPATH": ":".join(sys.path)},
            check=True,
            capture_output=True,
        ).stdout
        for seed in (1, 2)
    }
    assert len(found) == 1


def test_different_seeds_give_different_plans() -> None:
    assert len({encode(plan_of(seed)) for seed in SEEDS}) == len(SEEDS)


@pytest.mark.parametrize("seed", range(40))
def test_a_plan_survives_its_json(seed: int) -> None:
    plan = plan_of(seed)
    assert decode(encode(plan)) == plan


def test_a_text_that_is_no_plan_is_refused() -> None:
    with pytest.raises(msgspec.ValidationError):
        decode(b'{"seed": 1}')


def test_settings_of_plans_are_settings_that_a_worker_accepts() -> None:
    base = load({}, None, {})
    for seed in SEEDS:
        plan = plan_of(seed)
        settings = plan.workers.settings(base)
        for part in (settings.kafka, settings.worker):
            assert msgspec.convert(msgspec.to_builtins(part), type(part)) == part
        assert list(contradictions(settings)) == []
        assert settings.kafka.session_timeout_ms >= plan.cluster.min_session_ms
        assert settings.kafka.bootstrap_servers == base.kafka.bootstrap_servers


def test_settings_of_a_plan_take_the_place_of_the_base() -> None:
    plan = plan_of(1)
    found: Settings = plan.workers.settings(load({}, None, {}))
    assert msgspec.structs.asdict(plan.workers.kafka).items() <= (
        msgspec.structs.asdict(found.kafka).items()
    )
    assert msgspec.structs.asdict(plan.workers.worker).items() <= (
        msgspec.structs.asdict(found.worker).items()
    )


def every_line(plan: Plan) -> list[str]:
    parts = (*plan.actions, *plan.faults, *plan.traffic.extras, *plan.traffic.stories)
    payments = plan.second_family.payments if plan.second_family else ()
    return [one.told() for one in (*parts, *payments)]


def test_a_plan_tells_each_of_its_parts_in_one_line_in_the_order_of_time() -> None:
    for seed in SEEDS:
        plan = plan_of(seed)
        head, *lines = plan.told()
        assert str(plan.seed) in head
        assert plan.profile in head
        assert not any("\n" in line for line in lines)
        moments = [float(line.split()[0]) for line in lines]
        assert moments == sorted(moments)
        assert sorted(line.split(" s  ", 1)[1] for line in lines) == sorted(
            every_line(plan)
        )
