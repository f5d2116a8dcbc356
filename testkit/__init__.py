"""Instruments of tests, benchmark, fault runs and the demo; not part of the package.

``jars``, ``node``, ``broker``, ``prepare``, ``probe``, ``command``: a local Kafka.
``embedded``: a broker in one small process. ``fakes``: clients and topics in memory.
``memory_worker``: a family without a broker. ``samples``: the base case of the worked
cases. ``scenarios``, ``world``: named cases, and thousands of them by a seed; both are
made of the records of ``streams.tools.traffic``. ``procfs``, ``marked_processes``: what
the kernel says about processes.
"""
