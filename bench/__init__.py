"""Our engine, a plain Faust agent and a bare loop, measured on the same records.

``python -m bench`` starts a broker from jars, runs each engine in a process of its
own, rounds interleaved, and prints one table. What a figure means and how it could
mislead: ``docs/performance.md``, which ``python -m bench --write-docs`` writes.
"""
