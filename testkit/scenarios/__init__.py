"""Named scenarios of refunds: the facts, the requests, and what must come of them."""

from collections.abc import Mapping
from typing import Final

from testkit.scenarios.script import Scenario
from testkit.scenarios.serial import SERIAL
from testkit.scenarios.single import SINGLE, single

SCENARIOS: Final[Mapping[str, Scenario]] = {
    **{name: single(case) for name, case in SINGLE.items()},
    **SERIAL,
}
"""By name."""
