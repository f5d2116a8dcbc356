from pathlib import Path

import pytest

from streams.errors import UsageError
from streams.tools.folders import made


def fail(folder: Path, problem: BaseException, file: str | None = None) -> None:
    with made(folder):
        assert folder.is_dir()
        if file is not None:
            (folder / file).write_text("kept")
        raise problem


def test_a_run_that_fails_leaves_no_folder_behind(tmp_path: Path) -> None:
    folder = tmp_path / "a" / "b"
    with pytest.raises(KeyboardInterrupt):
        fail(folder, KeyboardInterrupt())
    assert list(tmp_path.iterdir()) == []


def test_what_was_there_or_holds_a_file_stays(tmp_path: Path) -> None:
    folder = tmp_path / "a" / "b"
    with pytest.raises(ValueError, match="x"):
        fail(folder, ValueError("x"), "part")
    assert (folder / "part").exists()
    empty = tmp_path / "empty"
    empty.mkdir()
    with pytest.raises(ValueError, match="x"):
        fail(empty, ValueError("x"))
    assert empty.is_dir()


def test_a_run_that_succeeds_keeps_its_folder_and_none_needs_none(
    tmp_path: Path,
) -> None:
    with made(tmp_path / "a"), made(None):
        pass
    assert (tmp_path / "a").is_dir()


def test_a_folder_that_cannot_be_made_is_told_before_the_run(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    for folder in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(UsageError, match="--report"), made(folder, "--report"):
            pytest.fail("it must not run")
