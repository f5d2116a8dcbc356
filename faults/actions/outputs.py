"""Fault 17: an output topic that refuses what is written, or is gone."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from importlib import import_module
from typing import Any, Final

from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType

from faults.actions.networks import proxied
from faults.judge.checks import (
    ALWAYS,
    every_offset_is_answered_once,
    first_decisions_hold,
    notices_are_written_once,
    one_content_a_decision,
)
from faults.judge.loss import Loss
from faults.judge.view import View
from faults.lab_logs import now_ms
from faults.run import FaultRun, JudgedPart
from faults.waiting import eventually
from streams.kafka.topic_admin import create, declare
from streams.platforms.registry import installed

_REFUSED_S: Final = 15.0
_SMALL: Final = 400
_USUAL: Final = 1_048_588
_NAME: Final = "worker"
_PASSWORD: Final = "only-for-this-run"  # noqa: S105 - of a broker that lives for a minute
_LOGIN: Final = "org.apache.kafka.common.security.plain.PlainLoginModule required"
WITH_RIGHTS: Final = {
    "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
    "allow.everyone.if.no.acl.found": "true",
    # Brokers, load and judge have no name and may do everything.
    "super.users": "User:ANONYMOUS",
    "listener.security.protocol.map": (
        "BROKER:PLAINTEXT,CONTROLLER:PLAINTEXT,PROXIED:SASL_PLAINTEXT"
    ),
    "sasl.enabled.mechanisms": "PLAIN",
    "listener.name.proxied.plain.sasl.jaas.config": (
        f'{_LOGIN} user_{_NAME}="{_PASSWORD}";'
    ),
}
"""Broker properties: who comes through the proxied listener has a name, and rights."""
_LOGGED_IN: Final = {
    "REFUND_KAFKA__SECURITY_PROTOCOL": "SASL_PLAINTEXT",
    "REFUND_KAFKA__SASL_MECHANISM": "PLAIN",
    "REFUND_KAFKA__SASL_USERNAME": _NAME,
    "REFUND_KAFKA__SASL_PASSWORD": _PASSWORD,
}


async def too_large(run: FaultRun) -> None:
    """17: an output topic takes no record of the usual size; then it does again."""
    await _limit(run, _SMALL)
    run.note("reviews take nothing larger than a few hundred bytes")
    await _ends_and_is_started_again(run, "reviews")
    await _limit(run, _USUAL)
    run.note("reviews take everything again")
    await run.supervisor.ready(90)


async def _limit(run: FaultRun, size: int) -> None:
    topic = run.lab.prefix + "reviews"
    wanted = {"max.message.bytes": str(size)}
    await run.lab.admin.alter_configs(
        [ConfigResource(ConfigResourceType.TOPIC, topic, configs=wanted)]
    )


async def unauthorised(run: FaultRun) -> None:
    """17: workers may not write approvals; then they may again."""
    async with proxied(run, **_LOGGED_IN):
        rights = _Rights(run.cluster.bootstrap_servers, run.lab.prefix + "approvals")
        await asyncio.to_thread(rights.take)
        run.note("workers may not write approvals")
        await _ends_and_is_started_again(run, "approvals")
        await asyncio.to_thread(rights.give_back)
        run.note("workers may write approvals again")
        await run.supervisor.ready(90)
        await run.no_lag()
        run.note("no lag")


async def _ends_and_is_started_again(run: FaultRun, refusing: str) -> None:
    """Watch workers that cannot write for a while: they end, and write nothing there."""
    await eventually(lambda: _seen_to_end(run))
    before = await run.lab.count(refusing)
    await run.pass_s(_REFUSED_S)
    more = await run.lab.count(refusing) - before
    run.expect(not more, f"{more} records in {refusing}, which takes none")
    codes = [code for _, code in run.supervisor.codes]
    run.note(f"workers ended with {codes}")
    run.expect(set(codes) == {1}, f"exit codes {run.supervisor.codes}, not 1")


async def _seen_to_end(run: FaultRun) -> bool:
    return bool(run.supervisor.codes)


class _Rights:
    """What the workers may do with one topic. Blocks; aiokafka cannot set rights."""

    def __init__(self, bootstrap: str, topic: str) -> None:
        self._kafka: Any = import_module("confluent_kafka.admin")
        self._admin = self._kafka.AdminClient({"bootstrap.servers": bootstrap})
        self._topic = topic

    def take(self) -> None:
        """Forbid writing."""
        allow, deny = self._bindings()
        self._wait(self._admin.create_acls([allow]))
        self._wait(self._admin.create_acls([deny]))

    def give_back(self) -> None:
        """Forbid nothing."""
        kafka = self._kafka
        everything = kafka.AclBindingFilter(
            kafka.ResourceType.TOPIC,
            self._topic,
            kafka.ResourcePatternType.LITERAL,
            None,
            None,
            kafka.AclOperation.ANY,
            kafka.AclPermissionType.ANY,
        )
        self._wait(self._admin.delete_acls([everything]))

    def _bindings(self) -> tuple[Any, Any]:
        kafka = self._kafka
        # A topic with one rule allows nothing that no rule allows.
        wanted = (
            (kafka.AclOperation.ALL, kafka.AclPermissionType.ALLOW),
            (kafka.AclOperation.WRITE, kafka.AclPermissionType.DENY),
        )
        allow, deny = (
            kafka.AclBinding(
                kafka.ResourceType.TOPIC,
                self._topic,
                kafka.ResourcePatternType.LITERAL,
                f"User:{_NAME}",
                "*",
                operation,
                permission,
            )
            for operation, permission in wanted
        )
        return allow, deny

    def _wait(self, asked: dict[Any, Any]) -> None:
        for future in asked.values():
            future.result(timeout=30)


async def topic_deleted(run: FaultRun) -> None:
    """17: the approvals are deleted; a person makes the topic again.

    What was decided before cannot be read any more; what is judged is that nothing else
    is lost: :class:`faults.judge.loss.Loss`.
    """
    loss = await _delete(run)
    await eventually(lambda: _nobody_left(run), 120)
    codes = [code for _, code in run.supervisor.codes]
    run.note(f"workers ended with {codes}")
    # 1 for the output that was lost, 2 when they are started again: no such topic.
    run.expect(set(codes) == {1, 2}, f"exit codes {run.supervisor.codes}, not 1 and 2")
    (spec,) = (
        one
        for one in declare(installed(run.lab.settings), run.lab.settings)
        if one.name.endswith(".approvals")
    )
    await create(run.lab.admin, [spec])
    run.watch.from_start("approvals")
    loss.made_again(now_ms(), len(run.watch.heard))
    run.note("approvals are there again, empty")
    for worker in run.supervisor.workers:
        run.supervisor.start(worker)
    await run.supervisor.ready(90)
    run.supervisor.given_up.clear()  # they asked for a person, and one came

    def split(view: View) -> Sequence[JudgedPart]:
        whole = [check for check in ALWAYS if check is not first_decisions_hold]
        counts = loss.decided_again(view)
        run.note(f"decided again: {counts[0]}, {counts[1]} with another outcome")
        return (loss.whole(view), whole), (replace(view, samples=(), heard=()), _LEFT)

    run.split = split


_LEFT: Final = (
    first_decisions_hold,
    every_offset_is_answered_once,
    one_content_a_decision,
    notices_are_written_once,
)
"""What must hold among the records that are left."""


async def _delete(run: FaultRun) -> Loss:
    """Delete the approvals while workers stand still, so that all they hold is known."""
    for worker in run.supervisor.workers:
        worker.pause()
    await run.watch.caught_up()
    loss = Loss("approvals", await run.lab.records("approvals"), now_ms())
    await run.lab.admin.delete_topics([run.lab.prefix + "approvals"])
    for worker in run.supervisor.workers:
        worker.resume()
    run.note(f"approvals are deleted, {len(loss.records)} records")
    return loss


async def _nobody_left(run: FaultRun) -> bool:
    return not run.supervisor.alive() and len(run.supervisor.given_up) == len(
        run.supervisor.workers
    )
