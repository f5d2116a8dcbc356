"""Refusals: what only says that a request has no effect can be read by aiokafka."""

from typing import Any, get_args

import pytest

from simulation.disturbing import API_KEYS, PlannedFaults
from simulation.request_faults import KINDS_OF, Api, Kind, RequestFault
from testkit.simulated import wire
from testkit.simulated.faults import Reply
from testkit.simulated.handling import Call
from testkit.simulated.refusals import refusal
from tests.testkit.simulated.requesting import numbers, requests

CODE = 77
"""A number that is nowhere else in an answer."""


def call_of(request: Any) -> Call:
    return Call(
        node_id=1,
        client_id="c",
        client_host="worker-1",
        api_key=request.API_KEY,
        api_version=request.API_VERSION,
    )


REFUSED = [one for one in requests() if refusal(call_of(one), one, CODE) is not None]


@pytest.mark.parametrize("request_", REFUSED, ids=lambda one: type(one).__name__)
def test_a_refusal_is_read_with_its_code_in_every_version(request_: Any) -> None:
    answer = refusal(call_of(request_), request_, CODE)
    assert answer is not None
    assert isinstance(answer, request_.RESPONSE_TYPE)
    data = answer.encode()
    read = type(answer).decode(data)
    assert read.encode() == data
    values = [getattr(read, name) for name in read.SCHEMA.names]
    assert list(numbers(values)).count(CODE) == 1


def test_a_refusal_names_what_was_asked_about() -> None:
    for request in REFUSED:
        answer = refusal(call_of(request), request, CODE)
        asked = dict(getattr(request, "topics", ()))
        told = dict(getattr(answer, "topics", None) or ())
        assert told.keys() <= asked.keys(), type(request).__name__
        if request.API_KEY in {0, 1, 2, 8}:
            assert told.keys() == asked.keys() != set(), type(request).__name__


def refusing() -> list[tuple[Api, Kind]]:
    """Return the faults that answer with an error code."""
    found: list[tuple[Api, Kind]] = []
    for api in get_args(Api):
        for kind in KINDS_OF[api]:
            fault = RequestFault(api=api, kind=kind)
            said = PlannedFaults([fault], lambda: 0).meet(
                Call(
                    node_id=1,
                    client_id="c",
                    client_host="worker-1",
                    api_key=API_KEYS[api],
                    api_version=0,
                )
            )
            assert said is not None
            if said.reply is Reply.ERROR:
                found.append((api, kind))
    return found


@pytest.mark.parametrize(("api", "kind"), refusing())
def test_what_a_plan_may_refuse_can_be_refused_in_every_version(
    api: Api, kind: Kind
) -> None:
    of_it = [one for one in requests() if API_KEYS[api] == one.API_KEY]
    assert of_it
    for request in of_it:
        assert refusal(call_of(request), request, CODE) is not None, (kind, request)


def test_what_cannot_be_refused_is_said_to_be_so() -> None:
    metadata = next(one for one in requests() if API_KEYS["Metadata"] == one.API_KEY)
    assert refusal(call_of(metadata), metadata, CODE) is None


@pytest.mark.parametrize(
    "request_", list(requests()), ids=lambda one: type(one).__name__
)
def test_a_request_is_decoded_as_it_was_sent(request_: Any) -> None:
    head = request_.build_request_header(correlation_id=5, client_id="somebody")
    received = wire.decode(head.encode() + request_.encode())
    assert received.correlation_id == 5
    assert received.client_id == "somebody"
    assert (received.api_key, received.api_version) == (
        request_.API_KEY,
        request_.API_VERSION,
    )
    assert received.request.encode() == request_.encode()
