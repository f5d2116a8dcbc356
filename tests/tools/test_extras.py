import sys

import pytest

from streams.cli import execute


@pytest.mark.parametrize("command", ["capture", "replay"])
def test_a_command_without_its_packages_says_how_to_get_them(
    command: str, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    assert execute([command, "folder"], {}) == 2
    assert capfd.readouterr().err == (
        f"refund: refund {command} needs packages that are not installed (pyarrow): "
        "pip install 'refund-streams[tools]'\n"
    )
