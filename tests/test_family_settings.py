import logging
import subprocess
import sys
from pathlib import Path

import pytest

from streams.cli import execute
from streams.errors import SettingsError
from streams.settings import Settings, effective, load, old_names
from tests.families.made import Modules, modules


@pytest.fixture
def made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Modules:
    return modules(tmp_path, monkeypatch)


def problems_of(
    environ: dict[str, str] | None = None,
    file: dict[str, object] | None = None,
    overrides: dict[str, str] | None = None,
) -> tuple[str, ...]:
    with pytest.raises(SettingsError) as caught:
        load(environ or {}, file, overrides or {})
    return caught.value.problems


def file_of(section: str, **keys: object) -> dict[str, object]:
    return {section: keys}


# worker.roles, once worker.agents

OLD_FILE = file_of("worker", agents=["decide"])
OLD_VARIABLE = {"REFUND_WORKER__AGENTS": "decide"}
OLD_OPTION = {"worker.agents": "decide"}


@pytest.mark.parametrize(
    ("environ", "file", "overrides", "where"),
    [
        ({}, OLD_FILE, {}, "worker.agents in the file"),
        (OLD_VARIABLE, None, {}, "REFUND_WORKER__AGENTS"),
        ({}, None, OLD_OPTION, "worker.agents on the command line"),
        (
            OLD_VARIABLE,
            OLD_FILE,
            {},
            "worker.agents in the file and REFUND_WORKER__AGENTS",
        ),
    ],
)
def test_the_old_name_works_and_one_line_names_the_new_one(
    environ: dict[str, str],
    file: dict[str, object] | None,
    overrides: dict[str, str],
    where: str,
) -> None:
    assert load(environ, file, overrides).worker.roles == ("decide",)
    assert old_names(environ, file, overrides) == (
        (
            f"{where}: this setting is now worker.roles (REFUND_WORKER__ROLES); "
            "the old name works in this release only"
        ),
    )


def test_the_new_name_warns_of_nothing() -> None:
    given = {"REFUND_WORKER__ROLES": "decide"}
    assert load(given, None, {}).worker.roles == ("decide",)
    assert old_names(given, {"worker": {"roles": ["decide"]}}, {}) == ()


@pytest.mark.parametrize(
    ("environ", "file", "overrides", "both"),
    [
        (
            {},
            file_of("worker", agents=["decide"], roles=["decide"]),
            {},
            "worker.agents in the file and worker.roles in the file",
        ),
        (
            OLD_VARIABLE | {"REFUND_WORKER__ROLES": "decide"},
            None,
            {},
            "REFUND_WORKER__AGENTS and REFUND_WORKER__ROLES",
        ),
        (
            {},
            OLD_FILE,
            {"worker.roles": "decide"},
            "worker.agents in the file and worker.roles on the command line",
        ),
        (
            {"REFUND_WORKER__ROLES": "decide"},
            None,
            OLD_OPTION,
            "REFUND_WORKER__ROLES and worker.agents on the command line",
        ),
    ],
)
def test_old_and_new_name_together_are_refused_with_a_line(
    environ: dict[str, str],
    file: dict[str, object] | None,
    overrides: dict[str, str],
    both: str,
) -> None:
    assert problems_of(environ, file, overrides) == (
        f"{both} give the same setting; keep worker.roles, the new name",
    )


def test_a_wrong_value_is_told_by_the_name_that_was_written() -> None:
    (line,) = problems_of({"REFUND_WORKER__AGENTS": "decide,sing"})
    assert line.startswith("REFUND_WORKER__AGENTS: 'decide,sing' is refused")


def test_a_command_warns_of_the_old_name_on_standard_error(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert execute(["settings"], OLD_VARIABLE) == 0
    out, err = capsys.readouterr()
    assert 'worker.roles = ["decide"]' in out
    assert err == (
        "refund: REFUND_WORKER__AGENTS: this setting is now worker.roles "
        "(REFUND_WORKER__ROLES); the old name works in this release only\n"
    )


def test_a_worker_warns_of_the_old_name_in_its_log(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("streams.worker.run", lambda _settings, _now: 0)
    monkeypatch.setattr("streams.cli.keep_signals_for_later", lambda: None)
    monkeypatch.setattr("streams.logs.configure", lambda *_all: None)
    with caplog.at_level(logging.WARNING):
        assert execute(["worker"], OLD_VARIABLE) == 0
    (line,) = [record.getMessage() for record in caplog.records]
    assert line.startswith("REFUND_WORKER__AGENTS: this setting is now worker.roles")


def test_fausts_own_command_line_warns_of_the_old_name() -> None:
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            "import streams.worker.environment as e; e.app_from_environment()",
        ],
        env=OLD_VARIABLE,
        cwd=Path(__file__).parents[1],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stderr.startswith("refund: REFUND_WORKER__AGENTS: this setting is now")


# worker.families


def test_the_fast_refund_runs_without_being_named() -> None:
    assert Settings().worker.families == ("fast_refund",)


def test_a_family_is_named_by_its_import_path(made: Modules) -> None:
    name = made.family("named_in_settings", "NS")
    given = {"REFUND_WORKER__FAMILIES": f"fast_refund, {name}"}
    assert load(given, None, {}).worker.families == ("fast_refund", name)


def test_a_family_that_is_none_is_refused_beside_other_problems() -> None:
    lines = problems_of(
        {"REFUND_WORKER__FAMILIES": "slow_refund", "REFUND_WEB__PORT": "x"}
    )
    assert len(lines) == 2
    assert lines[1].startswith("worker.families: slow_refund is not a family (")


def test_ingest_needs_the_family_that_it_writes_for(made: Modules) -> None:
    name = made.family("without_fast_refund", "WF")
    given = {"worker.families": name}
    assert load({}, None, given).worker.families == (name,)
    assert problems_of(overrides=given | {"worker.roles": "decide,ingest"}) == (
        (
            "worker.roles and worker.families: ingest writes records that fast_refund reads: add "
            "fast_refund or remove ingest"
        ),
    )


# Tables of families


def test_a_family_has_partitions_and_group_by_default(made: Modules) -> None:
    name = made.family("with_defaults", "WD")
    given = {"worker.families": f"fast_refund,{name}", "topics.partitions": "5"}
    found = load({}, None, given | {"kafka.group_id": "mine"})
    assert (found.partitions_of("FR"), found.group_of("FR")) == (5, "mine")
    assert (found.partitions_of("WD"), found.group_of("WD")) == (5, "mine-wd")
    assert found.ingest_group() == "mine-ingest"


def test_the_group_of_the_fast_refund_is_what_it_always_was() -> None:
    assert Settings().group_of("FR") == "refund-decide"


def test_file_environment_and_command_line_give_settings_of_a_family(
    made: Modules,
) -> None:
    name = made.family("with_settings", "WS")
    found = load(
        {"REFUND_FAMILIES__WS__PARTITIONS": "3"},
        {
            "worker": {"families": ["fast_refund", name]},
            "families": {"WS": {"partitions": 2, "group": "a"}, "FR": {}},
        },
        {"families.WS.group": "b"},
    )
    assert (found.partitions_of("WS"), found.group_of("WS")) == (3, "b")
    assert (found.partitions_of("FR"), found.group_of("FR")) == (8, "refund-decide")
    shown = dict(effective(found))
    assert shown["families.WS.partitions"] == "3"
    assert shown["families.FR.group"] == '"refund-decide"'


@pytest.mark.parametrize(
    ("environ", "file", "lines"),
    [
        (
            {"REFUND_FAMILIES__ST__PARTITIONS": "3"},
            {"families": {"ST": {"group": "x"}}},
            (
                (
                    "families.ST: no family of worker.families has this code, only FR; name "
                    "the family there or remove the settings"
                ),
            ),
        ),
        (
            {"REFUND_FAMILIES__FR__PARTITONS": "3", "REFUND_FAMILIES__XY": "3"},
            {"families": {"FR": {"grup": "x"}, "partitions": 3}},
            (
                (
                    "families.FR.grup in the file is not a setting (did you mean group?); remove "
                    "it or correct its name"
                ),
                (
                    "families.partitions in the file must be a table: write [families.CODE], "
                    "with the code of a family, and its keys below"
                ),
                (
                    "REFUND_FAMILIES__FR__PARTITONS is not a setting (did you mean "
                    "REFUND_FAMILIES__FR__PARTITIONS?); unset it or correct its name"
                ),
                (
                    "REFUND_FAMILIES__XY is not a setting (did you mean "
                    "REFUND_FAMILIES__XY__GROUP?); unset it or correct its name"
                ),
            ),
        ),
        (
            {"REFUND_FAMILIES__FR__PARTITIONS": "0"},
            None,
            (
                (
                    "REFUND_FAMILIES__FR__PARTITIONS: '0' is refused; give a whole number from "
                    "1 to 1024 or off"
                ),
            ),
        ),
    ],
)
def test_settings_of_families_that_do_not_exist_are_refused(
    environ: dict[str, str],
    file: dict[str, object] | None,
    lines: tuple[str, ...],
) -> None:
    assert problems_of(environ, file) == lines


def test_a_family_has_no_more_partitions_than_its_dead_letters() -> None:
    given = {"topics.partitions": "4", "families.FR.partitions": "4"}
    assert load({}, None, given).partitions_of("FR") == 4
    assert problems_of(overrides=given | {"families.FR.partitions": "5"}) == (
        (
            "families.FR.partitions: 5 is more than topics.partitions = 4, and dead letters go "
            "to the partition number of the record: lower it"
        ),
    )


def test_a_fact_of_another_family_has_as_many_partitions_as_the_input(
    made: Modules,
) -> None:
    name = made.family("reads_orders", "RO")
    file = made.folder / "reads_orders.py"
    text = file.read_text("utf-8").replace('"shop_id"', '"buyer_id"')
    start, end = text.index("facts="), text.index("shared_facts=")
    text = (
        "from streams.families.fast_refund.topics import ORDERS"
        + text[:start]
        + ("facts=(ORDERS,),\n    " + text[end:])
    )
    file.write_text(text, "utf-8")
    given = {"worker.families": f"fast_refund,{name}", "families.FR.partitions": "4"}
    assert problems_of(overrides=given) == (
        (
            "families.RO.partitions: 8, but the family reads orders with 4 partitions: give RO "
            "and FR the same number"
        ),
    )
    load({}, None, given | {"families.RO.partitions": "4"})


def test_two_inputs_never_share_a_group(made: Modules) -> None:
    name = made.family("shares_a_group", "SG")
    given = {"worker.families": f"fast_refund,{name}"}
    assert problems_of(overrides=given | {"families.SG.group": "refund-decide"}) == (
        (
            "families.FR.group and families.SG.group: both read as the group refund-decide; "
            "give each family a group of its own"
        ),
    )
    (line,) = problems_of(overrides={"families.FR.group": "refund-decide-ingest"})
    assert line.startswith("families.FR.group and role ingest: both read as the group")


def test_the_topic_of_the_platform_is_none_of_ours(made: Modules) -> None:
    (line,) = problems_of(overrides={"topics.events": "refund.orders"})
    assert line.startswith("topics.events: refund.orders is one of our topics")
    name = made.family("hears_itself", "HI")
    given = {
        "worker.families": f"fast_refund,{name}",
        "topics.events": "refund.hi-days",
    }
    (line,) = problems_of(overrides=given)
    assert line.startswith("topics.events: refund.hi-days is one of our topics")
    load({}, None, {"topics.events": "orders"})
