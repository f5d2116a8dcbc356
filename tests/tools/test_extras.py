import sys

import pytest

from streams.cli import execute


@pytest.mark.parametrize(
    "arguments",
    [
        ("capture", "folder"),
        ("replay", "folder"),
        ("load",),
        ("backtest", "--policy", "p.toml", "folder"),
    ],
)
def test_a_command_without_its_packages_says_how_to_get_them(
    arguments: tuple[str, ...],
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    assert execute(arguments, {}) == 2
    assert capfd.readouterr().err == (
        f"refund: refund {arguments[0]} needs packages that are not installed (pyarrow): "
        "install refund-streams with its extra `tools`, or use a checkout after "
        "`make setup`\n"
    )
