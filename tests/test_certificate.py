from datetime import UTC, datetime
from pathlib import Path

import pytest

from streams.settings.certificate import valid_until

TLS = Path(__file__).parent / "data/tls"


@pytest.mark.parametrize(
    ("name", "year"), [("expired.pem", 2021), ("client.pem", 2126), ("ca.pem", 2126)]
)
def test_the_end_of_a_certificate_is_read_in_either_form(name: str, year: int) -> None:
    end = valid_until(str(TLS / name))
    assert end is not None
    assert end.year == year
    assert end.tzinfo is UTC


def test_the_first_certificate_of_a_file_counts(tmp_path: Path) -> None:
    both = tmp_path / "chain.pem"
    names = ("expired.key", "expired.pem", "ca.pem")
    both.write_text("".join((TLS / name).read_text() for name in names))
    assert valid_until(str(both)) == datetime(2021, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize("text", ["", "nonsense", "-----BEGIN CERTIFICATE-----"])
def test_what_is_no_certificate_has_no_end(tmp_path: Path, text: str) -> None:
    file = tmp_path / "x.pem"
    file.write_text(text)
    assert valid_until(str(file)) is None
    assert valid_until(str(tmp_path / "nothing.pem")) is None
