"""``refund backtest``: recompute the decisions of a capture as if another policy had been in force.

Requests are judged with the facts that were known when they were decided, by the
worker's own function. Nothing here can publish: an import contract forbids Kafka
clients, sockets and event loops.
"""
