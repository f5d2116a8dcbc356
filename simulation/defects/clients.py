"""Defects of how clients are built and closed."""

from collections.abc import Iterable
from typing import Any

from simulation.actions import ForeignTransaction
from simulation.defects.planting import Planting, put
from simulation.plan import Plan
from streams.kafka import clients
from streams.kafka.ending import Client
from streams.worker import processor


def asks_in_transactions(plan: Plan) -> bool:
    """Whether there are requests in transactions."""
    return any(
        isinstance(one, ForeignTransaction) and one.topic == "requests"
        for one in plan.actions
    )


def aborted_requests_read() -> Planting:
    """The group's member reads records of transactions that were aborted or go on."""
    right = vars(clients)["AIOKafkaConsumer"]

    def consumer(**options: Any) -> Any:  # noqa: ANN401 - aiokafka is untyped
        if options["group_id"] is not None:
            options["isolation_level"] = "read_uncommitted"
        return right(**options)

    return put(clients, "AIOKafkaConsumer", consumer)


def clients_stopped_in_turn() -> Planting:
    """Clients are stopped one after another, and one that fails leaves the rest open."""

    async def disconnect(clients: Iterable[Client], patience_ms: int) -> None:
        del patience_ms
        for client in clients:
            await client.stop()

    return put(processor, "disconnect", disconnect)
