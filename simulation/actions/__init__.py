"""What is done to a universe from outside, and when.

Each action ends by itself: a worker that is killed has its return with it, a broker that
goes down comes up. So any action can be left out of a plan, and what is left is still a
universe in which progress can be demanded. An action that finds nothing to act on (a
worker that is gone already) does nothing.
"""

from typing import TypeAlias

from simulation.actions.brokers import (
    BrokerAction,
    ClusterAway,
    CutNetwork,
    MoveCoordinator,
    MoveLeader,
    NodeDown,
    PauseNode,
    RefuseConnections,
    ResetConnections,
    SlowNetwork,
    SlowReplica,
)
from simulation.actions.topics import (
    AddPartitions,
    CompactTopic,
    DeleteDecided,
    ExpireProducers,
    ForeignTransaction,
    RecreateTopic,
    TopicAction,
    TruncateLog,
    UncleanElection,
)
from simulation.actions.workers import (
    AddWorker,
    CancelStart,
    KillWorker,
    LoseMachine,
    PauseWorker,
    StopWorker,
    WorkerAction,
)

Action: TypeAlias = WorkerAction | BrokerAction | TopicAction
ChangedLog: TypeAlias = AddPartitions | RecreateTopic | TruncateLog | UncleanElection
"""After these a log is another one than before: workers must end with code 2."""

__all__ = [
    "Action",
    "AddPartitions",
    "AddWorker",
    "BrokerAction",
    "CancelStart",
    "ChangedLog",
    "ClusterAway",
    "CompactTopic",
    "CutNetwork",
    "DeleteDecided",
    "ExpireProducers",
    "ForeignTransaction",
    "KillWorker",
    "LoseMachine",
    "MoveCoordinator",
    "MoveLeader",
    "NodeDown",
    "PauseNode",
    "PauseWorker",
    "RecreateTopic",
    "RefuseConnections",
    "ResetConnections",
    "SlowNetwork",
    "SlowReplica",
    "StopWorker",
    "TopicAction",
    "TruncateLog",
    "UncleanElection",
    "WorkerAction",
]
