"""Numbers that tell producers apart."""

import asyncio
from typing import Final

from testkit.simulated.error_codes import ErrorCode, RefusedError

BLOCK_SIZE: Final = 1_000
"""Producer ids that a node gets from the controller at once."""
_PREFETCH_AT: Final = 900
_FETCH_MS: Final = 5


class ProducerIds:
    """Blocks of producer ids, which nodes get from the controller when they need one.

    The first request that a node meets is refused while its first block is on the way.
    """

    def __init__(self) -> None:
        self._next_block = 0
        self._left: dict[int, list[range]] = {}
        self._asked: dict[int, None] = {}

    def take(self, node_id: int) -> int:
        """Return an id that no producer has had.

        Raises
        ------
        RefusedError
            The node has none at the moment.
        """
        blocks = self._left.setdefault(node_id, [])
        if not blocks:
            self._ask(node_id)
            raise RefusedError(ErrorCode.COORDINATOR_LOAD_IN_PROGRESS)
        block = blocks[0]
        found = block.start
        blocks[0] = block[1:]
        if not blocks[0]:
            blocks.pop(0)
        if found % BLOCK_SIZE == _PREFETCH_AT:
            self._ask(node_id)
        return found

    def _ask(self, node_id: int) -> None:
        if node_id not in self._asked:
            self._asked[node_id] = None
            asyncio.get_running_loop().call_later(_FETCH_MS / 1000, self._got, node_id)

    def _got(self, node_id: int) -> None:
        del self._asked[node_id]
        first = self._next_block * BLOCK_SIZE
        self._next_block += 1
        self._left[node_id].append(range(first, first + BLOCK_SIZE))
