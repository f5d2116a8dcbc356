"""Our engine and its peers, measured on the same records.

``python -m bench`` starts a broker from jars, runs each engine in a process of its
own, rounds interleaved, and prints tables. What a figure means and how it could
mislead: ``docs/performance.md``, which ``python -m bench --write-docs`` writes.

In reading order: ``options`` (what is asked for), ``engine_table`` (who runs), ``world`` (the
records), ``rounds``, ``running`` (one engine once), ``throughput``, ``latency``,
``search``, ``restart``, ``startup`` (the figures), ``results``,
``table_notes``, ``plots``, ``report``, ``methodology`` (what is shown). ``peers`` and
``java`` are the engines.
"""
