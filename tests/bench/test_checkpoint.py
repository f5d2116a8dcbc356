from dataclasses import replace
from pathlib import Path

import pytest

from bench import checkpoint, rounds
from bench.cli import main
from bench.engine_table import Tools
from bench.options import BenchError, BenchOptions
from bench.results import Results
from bench.rounds import Quiet, Rounds
from bench.running import EngineRun
from bench.setup import Place
from bench.table_notes import notes
from tests.bench.test_results import results, run

PLACE = Place("nowhere:1", Tools(), lambda _: None)
MACHINE = {"date": "2026-11-02", "cores": "2"}


def begun(**fields: object) -> Results:
    dated = replace(results(), machine={"date": "2026-11-01", "cores": "2"})
    return replace(dated, **fields)  # type: ignore[arg-type]


def test_what_was_written_is_read_as_it_was(tmp_path: Path) -> None:
    file = tmp_path / "runs.json"
    checkpoint.write(results(), file)
    assert checkpoint.read(file) == results()
    assert [one.name for one in tmp_path.iterdir()] == ["runs.json"]


@pytest.mark.parametrize("text", ["", "[]", '{"runs": 1}', "\xff"])
def test_another_file_is_refused_in_one_line(tmp_path: Path, text: str) -> None:
    file = tmp_path / "runs.json"
    file.write_bytes(text.encode("latin-1"))
    with pytest.raises(BenchError, match="holds no figures of the bench") as found:
        checkpoint.read(file)
    assert "\n" not in str(found.value)


def test_files_that_cannot_be_read_or_written_are_named(tmp_path: Path) -> None:
    with pytest.raises(BenchError, match="cannot be read: No such file"):
        checkpoint.read(tmp_path / "none.json")
    with pytest.raises(BenchError, match="cannot be written: No such file"):
        checkpoint.write(results(), tmp_path / "none" / "runs.json")


def test_a_run_goes_on_another_day_and_tries_again_what_failed() -> None:
    varied = {"lz4": Rounds([], [], ["round 1, aiokafka: it ended"])}
    before = begun(failures=["round 2, faust: it ended"], varied=varied)
    found = checkpoint.gone_on_with(before, MACHINE, Path("runs.json"))
    assert found.machine == {"date": "2026-11-01, 2026-11-02", "cores": "2"}
    assert found.all_failures() == []
    assert found.runs == before.runs


def test_a_run_does_not_go_on_on_another_machine_or_with_other_sources() -> None:
    before = begun(machine={"date": "2026-11-01", "cores": "2", "sources": "a1"})
    with pytest.raises(BenchError) as found:
        checkpoint.gone_on_with(before, MACHINE | {"cores": "8"}, Path("runs.json"))
    cores, sources = str(found.value).splitlines()
    assert cores == "runs.json: cores was 2, here it is 8; begin anew"
    assert sources.startswith("runs.json: sources was a1, here it is not there")


def test_the_digest_tells_one_state_of_the_sources_from_another(tmp_path: Path) -> None:
    (tmp_path / "one.py").write_text("a = 1\n")
    (tmp_path / "notes.md").write_text("a\n")
    before = checkpoint.digest([tmp_path])
    (tmp_path / "notes.md").write_text("b\n")
    assert checkpoint.digest([tmp_path]) == before
    (tmp_path / "one.py").write_text("a = 2\n")
    assert checkpoint.digest([tmp_path]) != before


def test_what_is_missing_comes_in_the_order_of_turns() -> None:
    options = BenchOptions(engines=("ours", "aiokafka", "faust"), rounds=2)
    found = Rounds([run("aiokafka", 1, 1.0)], [], [])
    assert rounds.missing(found, options) == {
        1: ["ours", "faust"],
        2: ["aiokafka", "faust", "ours"],
    }


def test_a_run_that_was_stopped_goes_on_where_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = BenchOptions(engines=("ours", "faust"), rounds=2, rates=(1_000, 10_000))
    file, told = tmp_path / "runs.json", list[tuple[int, str]]()
    stops_at = [(2, "faust")]

    def measured(name: str, number: int, *_: object) -> EngineRun:
        if (number, name) in stops_at:
            raise KeyboardInterrupt
        told.append((number, name))
        return run(name, number, 1.0)

    monkeypatch.setattr(rounds, "run", measured)
    monkeypatch.setattr(rounds, "listen", lambda number, *_: Quiet(number, []))

    def go_on(one: Results) -> None:
        rounds.rounds(
            PLACE, options, one.of_all()[""], lambda: checkpoint.write(one, file)
        )

    with pytest.raises(KeyboardInterrupt):
        go_on(Results(MACHINE, options, [], []))
    stops_at.clear()
    go_on(checkpoint.gone_on_with(checkpoint.read(file), MACHINE, file))
    assert told == [(1, "ours"), (1, "faust"), (2, "faust"), (2, "ours")]
    found = checkpoint.read(file)
    assert [(one.round, one.engine) for one in found.runs] == told
    assert [one.round for one in found.quiet] == [1, 2]


def test_a_part_of_the_rounds_is_said_to_be_one() -> None:
    found = begun(options=replace(results().options, rounds=5), quiet=[])
    assert notes(found)[0].startswith("Median (least-most) of 2 rounds (5 were asked")


def test_an_engine_that_fails_is_told_and_the_others_are_kept(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def measured(name: str, number: int, *_: object) -> EngineRun:
        if name == "ours":
            raise BenchError("it ended")
        return run(name, number, 1.0)

    monkeypatch.setattr(rounds, "run", measured)
    monkeypatch.setattr(rounds, "listen", lambda number, *_: Quiet(number, []))
    kept_at = list[int]()
    found = Rounds([], [], [])
    options = BenchOptions(engines=("ours", "faust"), rounds=1)
    rounds.rounds(PLACE, options, found, lambda: kept_at.append(len(found.runs)))
    assert found.failures == ["round 1, ours: it ended"]
    assert kept_at == [0, 1]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (
            ["--resume", "{}", "--rounds", "3", "--search-s", "0"],
            "--rounds, --search-s",
        ),
        (["--resume", "{}", "--varied"], "leave out --varied"),
        (["--engines", "oars"], "no such engine: oars"),
        (["--rounds", "0"], "--rounds must be 1 or more"),
        (["--rates", "1,x"], "--rates must be numbers"),
    ],
)
def test_what_cannot_be_asked_for_is_wrong_usage(
    arguments: list[str], said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "runs.json"
    checkpoint.write(results(), file)
    assert main([one.replace("{}", str(file)) for one in arguments]) == 2
    error = capsys.readouterr().err
    assert said in error
    assert error.count("\n") == 1


def test_a_file_that_is_not_there_is_said_before_anything_is_begun(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for option in ("--resume", "--read"):
        assert main([option, str(tmp_path / "none.json")]) == 1
        assert "cannot be read" in capsys.readouterr().err


@pytest.mark.parametrize("how", [KeyboardInterrupt, SystemExit])
def test_a_run_that_is_ended_tells_how_to_go_on(
    how: type[BaseException], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "runs.json"
    checkpoint.write(begun(options=BenchOptions(engines=("ours",), rounds=2)), file)

    def ended(*_: object) -> None:
        raise how

    monkeypatch.setattr("bench.cli.find", ended)
    with pytest.raises(how) as found:
        main(["--resume", str(file)])
    assert found.value.__notes__ == [f"go on with --resume {file}"]


def test_a_run_that_is_complete_measures_nothing_again(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    engines = ("ours-small", "aiokafka", "faust")
    file = tmp_path / "runs.json"
    checkpoint.write(begun(options=BenchOptions(engines=engines, rounds=2)), file)
    monkeypatch.setattr("bench.cli.describe", lambda *_, **__: MACHINE)
    assert main(["--resume", str(file)]) == 0
    assert "105,000" in capsys.readouterr().out
    assert checkpoint.read(file).machine["date"] == "2026-11-01, 2026-11-02"
