"""What the page says about how it is measured; words only."""

from typing import Final

HOW: Final = """\
## How it is measured

`make bench` prints these tables, `python -m bench --write-docs` writes this page. Each
engine runs in a process of its own, one after the other, all in every round; each run
has new topics, and every request must have exactly one output.
With `--json FILE` the figures are kept after every engine, and `--resume FILE` goes on with
a run that was stopped, on the same machine and with the same sources only.

**full**: facts from topics, about 25 checks, a decision record that holds all that was
seen, nine headers.

- **ours**: `refund worker` as it is shipped, with history, freshness, metrics. Watermarks
  are renewed every three seconds, so facts are fresh.
- **ours, a worker a core**: as many workers as there are cores, in one group: Kafka Streams
  has a stream thread a core, and of us one process uses one core.
- **Kafka Streams**: requests joined with global tables of orders, buyers and shops, kept
  in memory; about the same checks, the same record and headers. It keeps no history of
  refunds and does not judge freshness, so it does less. Global tables, because a join
  of partitions by key would write every request to a topic of its own first.

**small**: amount, quality and unshipped from two dicts that are simply there, and a
decision record of two fields; no facts from topics, no headers.

The loops and our transport read JSON into typed records with msgspec, as the Java peers do
with Jackson; the frameworks use what they bring along.

- **our transport**: the source, the agent on slices and the sink of `refund worker`, with
  the small decision in between, and what the worker tells allocator and collector; also a
  process a core of it.
- **bare aiokafka**: a loop that polls, decides, sends a batch per partition and commits.
- **confluent-kafka loop**: the same on librdkafka; one record is waited for, what else has
  been fetched is taken with it.
- **Kafka Streams**: `stream().mapValues().to()` with Jackson.
- **Quix Streams**: a data frame from topic to topic, its own JSON (de)serializers.
- **FastStream**: a batch subscriber with a batch publisher, on its aiokafka broker.
- **Faust, take**: an agent that takes up to 1,000 events and waits for their
  acknowledgements.
- **plain Faust**: `@app.agent(topic)` and one `await topic.send(...)` per event, defaults.

All are at-least-once, Kafka Streams also exactly once. What was set for them: fetches wait
50 ms at most, outputs do not linger (Kafka Streams would for 100 ms), or 1 ms where
librdkafka sends them, one stream thread a core, a commit every 20 ms where outputs wait
for it (the default is 100 ms), and a group member's name of its own for Kafka Streams,
which without one waits 45 s at a restart.

**records/s** The requests are in the topic before the engine starts. The end offsets of
the output topics are read every 25 ms; the figure is the slope from the first look with 10 %
of the requests that count to the first with 90 %, so that outputs acknowledged in bursts are
counted right. Requests before them warm the engine up: 20,000, 100,000 for several
workers, 400,000 for a JVM. **CPU** is user and system time of the process and its children
between the same two points. **start** is from starting the process to its first output.
**memory** is the peak (VmHWM) after all of the latency runs.

**Latency** follows on the same process. A generator sends each request at its intended
time and never waits for an answer (open loop); a receiver takes output records one by one.
The time counts from the *intended* moment, so what queues behind a pause is counted in full.
The first seconds are not counted. Above 2,000 requests a second the generator lets them
wait 1 ms for company: at 10,000/s a request of its own to the broker for each record took
more than these cores have (the broker alone: p50 894 ms; with 1 ms, 2 ms), and the wait
counts as latency. An engine that cannot keep a rate has no latency at it,
only a queue that grows: its cell says so.

**The highest rate** is searched for by halving a ladder of rates, a few seconds each; `≥`
says that the generator could not go higher on this machine. It asks for more refunds than
there are orders, so in part for second refunds, which go to a person.

**The pause of a restart** is the longest that a request waited while the engine was stopped
in order (SIGTERM) and started again at once, at the lowest rate. `LOST` requests had no
output at all, those with `again` had more than one.

## Traps

- A receiver that waits for a batch (`consume(n, timeout)`) adds 5-10 ms of its own.
- librdkafka sends a produce request per partition, and with `linger.ms=0` per record: a load
  of 10,000 records a second then measures the broker.
- Faust at its own level of logging, `warning`, lets the root logger take what debugging says,
  for a spinner that no log file has: each such line of the client becomes a record that
  nobody sees. Our transport took 806 us of CPU a request with it at 1,000 a second and 656
  without (p50 2.3 and 1.3 ms), so the engines that are Faust apps run at `info`.
- The receiver's fetches name every partition it reads, of two topics: at 64 partitions each
  that is much of what the broker does, and an engine's latency there is partly the tool's.
- A generator that waits for answers slows down with the engine and hides its pauses; one
  that falls behind measures itself. So its lateness is recorded, and the run is refused
  when one record in a thousand was later than allowed.
- asyncio rounds its timers up to whole milliseconds: the generator sleeps in a thread.
- A fresh JVM needs warming: the broker gets two runs that are thrown away, an engine on a JVM
  its warm-up in the same process.
- The end of a transaction takes an offset: outputs of exactly-once engines are counted by
  reading them.
- Counting from the start of the process measures start-up; counting what the engine says
  measures what it believes. End offsets are the broker's word.
- A second refund of an order goes to a person and is cheaper to judge in part, so there is
  one order per request, and requests come in another order than the orders were loaded.
- Broker, generator and receiver share the cores with the engine. Compare rows of one table,
  not of two machines; what the broker alone takes is printed below the tables.
- CPU time is no refuge from neighbours: they take caches, and the other half of a core. The
  bare loop took 6.7 s a million for 200,000 requests, and 9.6 s for the same beside a test
  run. So what others took is printed too.
- In a virtual machine whose host takes free memory back, the first touch of a page cost 13 us,
  later ones 1.5 us: code that needs fresh memory (a growing table, a broker's page cache)
  pays for it.
- The broker's garbage collector is a part of every latency: with the serial one it stood still
  for 13 ms every 1.25 s at 1,000 requests a second, which is a p99 for every engine. One that
  works beside it takes a core for 200 ms instead: at 10,000 a second, where little of two cores
  is left, that queue was a p99 of 110 ms. So the broker has a heap that fills once a minute,
  and runs its collector before each stated rate (`jcmd PID GC.run`).
- So is its compiler: a fresh broker compiled for most of a minute, on half a core, and again
  when the load changed. It is warmed up at every rate, and then its compiler and its collector
  run only where nothing else wants to (`SCHED_IDLE`). A broker on a machine of its own
  would have cores left. The engines' own compilers and collectors run as they like.
- Linux shares processors out among sessions first (`sched_autogroup`), whatever the priorities
  within them: a broker in a session of its own has as much as the engine, its compiler
  included. So all that is measured runs in one session.
- Records in memory (tmpfs) instead of on a disk were slower here: 60 instead of 53 us of CPU a
  record, as each page is a fresh one.
- CPU time in clock ticks (`/proc/PID/stat`) is too coarse for short runs: the process's own
  CPU clock is read.
"""
