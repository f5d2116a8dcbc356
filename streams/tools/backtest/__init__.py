"""``refund backtest``: the decisions of a capture, had another policy been in force.

Requests meet the facts that were known when they were decided, and the function that
judges them is the worker's own. Nothing here can publish: an import contract keeps
Kafka's clients, sockets and event loops out.
"""
