import argparse
import shutil
from pathlib import Path

import pytest

from bench import cli, jars, tools
from bench.engine_table import ENGINE_TABLE, ENGINES, EngineSite, Tools
from bench.options import BenchError, BenchOptions
from testkit.jars import KAFKA_VERSION, make_once


def quiet(_: str) -> None:
    """Take a line of progress."""


def given(*arguments: str) -> argparse.Namespace:
    return cli.parser().parse_args(arguments)


def test_engines_that_need_what_is_not_there_are_left_out_unless_they_are_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)  # no environment of the peers here
    monkeypatch.setenv("PATH", str(tmp_path))  # and no Java
    found = tools.find((), str(tmp_path), quiet)
    assert set(found.left_out) == {name for name in ENGINES if ENGINE_TABLE[name].needs}
    assert set(found.engines) == set(ENGINES) - set(found.left_out)
    assert "no java on the path" in found.left_out["kstreams"]
    assert "make bench" in found.left_out["quix"]
    with pytest.raises(BenchError, match=r"quix cannot run: .*make bench"):
        tools.find(("ours", "quix"), str(tmp_path), quiet)


def test_without_maven_the_message_says_what_it_is_wanted_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    java = shutil.which("java")
    if java is None:
        pytest.skip("no java on the path")
    (tmp_path / "java").symlink_to(java)
    monkeypatch.setenv("PATH", str(tmp_path))
    found = tools.find((), str(tmp_path / "cache"), quiet)
    assert (
        "no mvn on the path to build the Kafka Streams peers"
        in (found.left_out["kstreams"])
    )


def test_a_folder_is_made_once_and_is_complete_or_absent(tmp_path: Path) -> None:
    folder = tmp_path / "deep" / "made"
    times = []

    def make(target: Path) -> None:
        times.append(target)
        target.mkdir()
        (target / "half").touch()
        if len(times) == 1:
            raise BenchError("half way")

    with pytest.raises(BenchError):
        make_once(folder, make)
    assert not folder.exists()
    make_once(folder, make)
    make_once(folder, make)
    assert len(times) == 2
    assert [file.name for file in folder.iterdir()] == ["half"]


def test_the_peers_are_built_against_the_broker_of_the_tests() -> None:
    text = (jars.PROJECT / "pom.xml").read_text()
    assert f"<kafka.version>{KAFKA_VERSION}</kafka.version>" in text


@pytest.mark.parametrize("name", ENGINES)
def test_every_engine_is_told_where_its_records_are(name: str, tmp_path: Path) -> None:
    site = EngineSite(
        "h:1", "p-1.", BenchOptions(), tmp_path, Tools(Path("python"), Path("jars"))
    )
    command = ENGINE_TABLE[name].command(site)
    assert "h:1" in command
    assert any("p-1." in part for part in command)
    assert all(part for part in command)


def test_numbers_and_rates_of_the_command_line_come_on_top() -> None:
    found = cli.options_of(
        given("--quick", "--rates", "300,100", "--search-s", "0", "--partitions", "64")
    )
    assert found.rates == (100, 300)
    assert found.partitions == 64
    assert found.rounds == 1


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--rounds", "0"], "--rounds must be 1 or more"),
        (["--skew", "-1"], "--skew must be 0 or more"),
        (["--rates", "10,x"], "--rates must be numbers"),
        (["--rates", "0"], "--rates must be numbers"),
        (["--engines", "ours,flink"], "no such engine: flink"),
    ],
)
def test_what_cannot_be_asked_for_is_refused_in_one_line(
    arguments: list[str], said: str
) -> None:
    with pytest.raises(BenchError, match=said):
        cli.options_of(given(*arguments))
