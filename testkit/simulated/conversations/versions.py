"""Versions of requests: what a broker offers."""

from collections.abc import Mapping
from typing import TypeAlias

from aiokafka.protocol.admin import ApiVersionRequest_v0

from testkit.simulated.conversations.talk import talking
from testkit.simulated.conversations.wire import Endpoint

Versions: TypeAlias = Mapping[int, tuple[int, int]]
"""API key -> lowest and highest version."""


async def versions_of(endpoint: Endpoint) -> Versions:
    """Ask a broker which requests it takes."""
    async with talking(endpoint, "") as talk:
        answer = await (await talk.peer()).ask(ApiVersionRequest_v0())
    return {key: (lowest, highest) for key, lowest, highest in answer.api_versions}


def outside(offered: Versions, bounds: Versions) -> list[str]:
    """Tell which of the versions that are offered the other broker does not have."""
    found = []
    for key, (lowest, highest) in offered.items():
        if key not in bounds:
            found.append(f"request {key} does not exist there")
        elif not bounds[key][0] <= lowest <= highest <= bounds[key][1]:
            least, most = bounds[key]
            found.append(
                f"request {key}: {lowest} to {highest}, not in {least} to {most}"
            )
    return found
