"""Answers that say only that a request was refused."""

from collections.abc import Callable
from typing import Any, Final

from testkit.simulated.handling import Call


def refusal(call: Call, request: Any, code: int) -> Any | None:
    """Return the answer to a request that has no effect; None = it cannot be said here."""
    make = _REFUSALS.get(call.api_key)
    return None if make is None else make(request, code)


def _produce(request: Any, code: int) -> Any:
    rows: list[Any] = []
    for topic, partitions in request.topics:
        found = []
        for number, _ in partitions:
            row: list[Any] = [number, code, -1, -1]
            row += [-1] if request.API_VERSION >= 5 else []
            found.append(tuple(row))
        rows.append((topic, found))
    return request.RESPONSE_TYPE(rows, 0)


def _fetch(request: Any, code: int) -> Any:
    rows: list[Any] = []
    for topic, partitions in request.topics:
        found = []
        for number, *_ in partitions:
            row: list[Any] = [number, code, -1, -1]
            row += [-1] if request.API_VERSION >= 5 else []
            row += [[]]
            row += [-1] if request.API_VERSION >= 11 else []
            found.append((*row, b""))
        rows.append((topic, found))
    if request.API_VERSION >= 7:
        return request.RESPONSE_TYPE(0, 0, 0, rows)
    return request.RESPONSE_TYPE(0, rows)


def _list_offsets(request: Any, code: int) -> Any:
    rows = [
        (topic, [(number, code, -1, -1) for number, *_ in partitions])
        for topic, partitions in request.topics
    ]
    return request.RESPONSE_TYPE(*([0] if request.API_VERSION >= 2 else []), rows)


def _commit(request: Any, code: int) -> Any:
    rows = [
        (topic, [(number, code) for number, *_ in partitions])
        for topic, partitions in request.topics
    ]
    return request.RESPONSE_TYPE(*([0] if request.API_VERSION >= 3 else []), rows)


def _committed(request: Any, code: int) -> Any:
    # From version 2 on an error of the group stands alone, and no partition is named.
    if request.API_VERSION >= 3:
        return request.RESPONSE_TYPE(0, [], code)
    if request.API_VERSION == 2:
        return request.RESPONSE_TYPE([], code)
    rows = [
        (topic, [(number, -1, "", code) for number in partitions])
        for topic, partitions in request.topics
    ]
    return request.RESPONSE_TYPE(rows)


def _coordinator(request: Any, code: int) -> Any:
    if request.API_VERSION == 0:
        return request.RESPONSE_TYPE(code, -1, "", -1)
    return request.RESPONSE_TYPE(0, code, None, -1, "", -1)


def _join(request: Any, code: int) -> Any:
    throttle = [0] if request.API_VERSION >= 2 else []
    return request.RESPONSE_TYPE(*throttle, code, -1, "", "", request.member_id, [])


def _sync(request: Any, code: int) -> Any:
    return request.RESPONSE_TYPE(*([0] if request.API_VERSION >= 1 else []), code, b"")


def _code_only(request: Any, code: int) -> Any:
    return request.RESPONSE_TYPE(*([0] if request.API_VERSION >= 1 else []), code)


def _producer_id(request: Any, code: int) -> Any:
    return request.RESPONSE_TYPE(0, code, -1, -1)


_REFUSALS: Final[dict[int, Callable[[Any, int], Any]]] = {
    0: _produce,
    1: _fetch,
    2: _list_offsets,
    8: _commit,
    9: _committed,
    10: _coordinator,
    11: _join,
    12: _code_only,
    13: _code_only,
    14: _sync,
    22: _producer_id,
}
"""API key -> how its refusal is made."""
