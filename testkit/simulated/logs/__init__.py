"""Partition logs of the simulated broker: batches as bytes, producers, replicas, cleaning.

They behave as Kafka 4.3.1 does, without disk or clock: whoever calls passes ``now_ms``.
"""
