import json
import xml.etree.ElementTree as ET
from dataclasses import replace

from bench.latency import Latency, unable
from bench.options import BenchOptions
from bench.plots import plots
from bench.report import page
from bench.restart import RestartPause
from bench.results import Results, from_json, latency_table, varied_table, work_table
from bench.rounds import Quiet, Rounds
from bench.running import EngineRun
from bench.search import Highest
from bench.table_notes import notes, ratio_table
from bench.throughput import Throughput

QUICK = Latency(1_000, 1.0, 3.0, 5.0, 9.0, 0.2, 1.0, kept=True)
REFUSED = Latency(1_000, None, None, None, None, 50.0, 1.0, kept=True, refused=True)
OPTIONS = BenchOptions(engines=("ours-small", "aiokafka", "faust"), rounds=2)


def run(engine: str, number: int, per_s: float) -> EngineRun:
    return EngineRun(
        engine=engine,
        round=number,
        records=1_000,
        orders=9_000,
        throughput=Throughput(per_s, 4.0, 1.5, 30),
        latencies=[QUICK, replace(QUICK, rate=10_000)],
        highest=Highest(20_000, bounded_by_generator=False),
        peak_mib=90.0,
        restart=RestartPause(0.4, 0, 0),
        start_facts_s=None,
        other_cores=0.0,
    )


OTHER = Rounds([run("aiokafka", 1, 5_000.0)], [Quiet(1, [QUICK])], [])


def results() -> Results:
    runs = [
        run("ours-small", 1, 90_000.0),
        run("ours-small", 2, 120_000.0),
        run("aiokafka", 1, 100_000.0),
        run("aiokafka", 2, 100_000.0),
        run("faust", 1, 2_000.0),
        replace(run("faust", 2, 2_500.0), latencies=[QUICK, unable(10_000)]),
    ]
    floor = Quiet(1, [QUICK, replace(QUICK, rate=10_000)])
    return Results({"cores": "2"}, OPTIONS, runs, [floor])


def changed(engine: str, **fields: object) -> Results:
    found = results()
    runs = [
        replace(one, **fields) if one.engine == engine else one  # type: ignore[arg-type]
        for one in found.runs
    ]
    return replace(found, runs=runs)


def cells(given: Results, label: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for table in (work_table(given), latency_table(given)):
        for row in table.rows:
            if row[0] == label:
                found |= dict(zip(table.head, row, strict=True))
    return found


def test_a_cell_holds_the_median_the_least_and_the_most() -> None:
    found = cells(results(), "our transport")
    assert found["records/s"] == "105,000\n(90,000-120,000)"
    assert found["times\nFaust"] == "46.7"


def test_an_engine_that_never_kept_a_rate_has_words_and_no_number() -> None:
    slow = [QUICK, unable(10_000)]
    found = cells(changed("faust", latencies=slow), "plain Faust")
    assert found["p99 ms\nat 10,000/s"] == "not kept"
    assert found["p99 ms\nat 1,000/s"].startswith("3.0")


def test_a_rate_kept_in_some_rounds_only_says_in_how_many() -> None:
    assert cells(results(), "plain Faust")["p50 ms\nat 10,000/s"] == "1.00\n1 of 2"


def test_a_generator_that_was_always_late_is_no_figure_of_the_engine() -> None:
    late = [REFUSED, replace(REFUSED, rate=10_000)]
    found = cells(changed("aiokafka", latencies=late), "bare aiokafka")
    assert found["p50 ms\nat 1,000/s"] == "refused"


def test_lost_and_repeated_outputs_of_a_restart_are_said_beside_its_pause() -> None:
    lossy = changed("aiokafka", restart=RestartPause(None, 7, 12))
    pause = cells(lossy, "bare aiokafka")["pause of a\nrestart, s"]
    assert "7 LOST" in pause
    assert "12 again" in pause


def test_a_search_that_the_generator_ended_is_at_least_so_much() -> None:
    top = Highest(40_000, bounded_by_generator=True)
    found = cells(changed("aiokafka", highest=top), "bare aiokafka")
    assert found["highest rate/s\nwith p99 < 20 ms"].startswith("≥ 40,000")


def test_ratios_are_taken_within_a_round() -> None:
    row = next(row for row in ratio_table(results()).rows if "aiokafka" in row[1])
    assert row[2] == "1.05 (0.90-1.20)"


def test_an_engine_whose_every_run_failed_keeps_its_row_and_its_reason() -> None:
    found = results()
    runs = [one for one in found.runs if one.engine != "aiokafka"]
    failed = replace(found, runs=runs, failures=["round 1, aiokafka: it ended\nso"])
    assert cells(failed, "bare aiokafka")["p50 ms\nat 1,000/s"] == "no run"
    assert "FAILED: round 1, aiokafka: it ended so" in notes(failed)
    assert plots(failed).keys() == plots(found).keys()


def test_an_engine_that_was_left_out_is_named_with_its_reason() -> None:
    found = replace(results(), left_out={"quix": "no environment"})
    assert any("Quix" in line and "no environment" in line for line in notes(found))


def test_results_come_back_from_json_as_they_were() -> None:
    found = replace(results(), varied={"lz4": OTHER})
    assert from_json(json.loads(json.dumps(found.to_json()))) == found


def test_other_conditions_are_a_table_of_their_own() -> None:
    assert varied_table(results()) is None
    table = varied_table(replace(results(), varied={"lz4": OTHER}))
    assert table is not None
    alone, engine = table.rows
    assert alone[:2] == ("lz4", "broker alone")
    assert alone[-3:] == ("1.00", "3.0", "5.0")
    assert engine[:3] == ("lz4", "bare aiokafka (small)", "5,000")


def test_plots_are_xml_and_show_every_engine() -> None:
    for text in plots(results()).values():
        shown = [one.text for one in ET.fromstring(text).iter() if one.text]  # noqa: S314
        for label in ("our transport", "bare aiokafka", "plain Faust"):
            assert any(label in line for line in shown)


def test_the_page_has_every_table_and_picture() -> None:
    text = page(results(), ["a.svg"], "notes")
    for title in ("Throughput and cost", "Latency", "Ratios within one round"):
        assert f"## {title}" in text
    assert "![a.svg](a.svg)" in text
