import io
import json
import logging
import warnings
from collections.abc import Iterator

import pytest

from streams import logs

log = logging.getLogger("streams.test")


@pytest.fixture(autouse=True)
def _root() -> Iterator[None]:
    """Put back what pytest has set up."""
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    libraries = [logging.getLogger(name) for name in ("faust", "mode", "aiokafka")]
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    for library in libraries:
        library.setLevel(logging.NOTSET)
    logging.captureWarnings(capture=False)


def lines(level: str, form: str, secrets: tuple[str, ...] = ()) -> io.StringIO:
    out = io.StringIO()
    logs.configure(level, form, out, secrets)
    return out


def test_a_text_line_has_time_level_logger_and_message() -> None:
    out = lines("info", "text")
    log.info("loaded %d facts", 7)
    moment, rest = out.getvalue().split(" ", 1)
    assert rest == "INFO streams.test: loaded 7 facts\n"
    assert moment.endswith("Z")
    assert len(moment) == len("2026-03-18T02:15:00.000Z")


def test_a_json_line_is_one_object_with_extra_fields_and_exception() -> None:
    out = lines("info", "json")
    try:
        raise ValueError("two\nlines")  # noqa: TRY301 - to have a traceback
    except ValueError:
        log.exception("no luck", extra={"partition": 3})
    (line,) = out.getvalue().splitlines()
    found = json.loads(line)
    assert (found["level"], found["logger"], found["message"]) == (
        "error",
        "streams.test",
        "no luck",
    )
    assert found["partition"] == 3
    assert "ValueError: two\nlines" in found["exception"]


FORGED = "bad\n2026-03-18T02:15:00.000Z ERROR streams: forged\u202e\x1b[2J"


@pytest.mark.parametrize("form", ["text", "json"])
def test_no_message_forges_a_line_or_turns_one_round(form: str) -> None:
    out = lines("info", form)
    log.info("refund %s", FORGED, extra={"refund": FORGED})
    text = out.getvalue()
    assert text.count("\n") == 1
    assert "\u202e" not in text
    assert "\x1b" not in text
    assert "bad\\n2026" in text
    if form == "json":
        found = json.loads(text)
        assert (found["message"], found["refund"]) == (f"refund {FORGED}", FORGED)


def test_no_line_of_a_traceback_looks_like_a_record() -> None:
    out = lines("info", "text")
    try:
        raise ValueError(FORGED)  # noqa: TRY301 - to have a traceback
    except ValueError:
        log.exception("no luck", stack_info=True)
    first, *others = out.getvalue().splitlines()
    assert first.endswith("ERROR streams.test: no luck")
    assert len(others) > 4
    assert all(line.startswith("  ") for line in others)
    assert "\u202e" not in out.getvalue()


def test_half_a_surrogate_pair_does_not_cost_the_line() -> None:
    out = lines("info", "json")
    log.info("refund %s", "r\ud83d")
    assert json.loads(out.getvalue())["message"] == "refund r\ud83d"


def test_what_is_less_severe_than_the_level_is_not_written() -> None:
    out = lines("warning", "text")
    log.info("a")
    log.warning("b")
    assert "b" in out.getvalue()
    assert ": a" not in out.getvalue()


@pytest.mark.parametrize("form", ["text", "json"])
def test_secrets_are_taken_out_wherever_they_stand(form: str) -> None:
    out = lines("debug", form, ("hunter2", "hunter2-long"))
    log.debug("login with hunter2-long failed")
    log.info("fetch", extra={"url": "https://x?a=hunter2"})
    log.info("config: password=abc sasl_password='def' {'access_token': 'ghi'}")
    try:
        raise RuntimeError("hunter2")  # noqa: TRY301 - to have a traceback
    except RuntimeError:
        log.exception("oops")
    text = out.getvalue()
    for secret in ("hunter2", "-long", "abc", "def'", "ghi"):
        assert secret not in text
    assert "(hidden)" in text


@pytest.mark.parametrize("form", ["text", "json"])
@pytest.mark.parametrize(
    "message",
    [
        "buyer b-77 limited",
        "buyer_id=b-77",
        "{'buyer_id': 'b-77'}",
        '{"buyer_id":"b-77"}',
    ],
)
def test_buyers_are_named_at_debug_only(form: str, message: str) -> None:
    out = lines("debug", form)
    log.info(message)
    assert "b-77" not in out.getvalue()
    log.debug(message)
    assert "b-77" in out.getvalue()


def test_a_buyer_in_an_extra_field_is_hidden() -> None:
    out = lines("info", "json")
    log.info("x", extra={"buyer_id": "b-77"})
    assert json.loads(out.getvalue())["buyer_id"] == "(hidden)"


def test_fields_keep_their_types_in_a_json_line() -> None:
    out = lines("info", "json")
    fields = {"count": 7, "reasons": {"not_json": 5}, "topic": "refund.requests"}
    log.info("x", extra=fields | {"policy": None, "table": {"buyer_id": 77}})
    found = json.loads(out.getvalue())
    assert fields.items() <= found.items()
    assert found["policy"] is None
    assert found["table"] == {"buyer_id": "(hidden)"}


def test_warnings_are_logged() -> None:
    out = lines("info", "text")
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        logging.captureWarnings(capture=True)
        warnings.warn("old", stacklevel=1)
        logging.captureWarnings(capture=False)
    assert "UserWarning: old" in out.getvalue()


def test_the_last_configuration_counts() -> None:
    first = lines("info", "text")
    second = lines("info", "text")
    log.info("once")
    assert first.getvalue() == ""
    assert second.getvalue().count("once") == 1


@pytest.mark.parametrize("name", ["faust.worker", "mode.services", "aiokafka.client"])
def test_libraries_tell_of_themselves_at_debug_only(name: str) -> None:
    library = logging.getLogger(name)
    for level, seen in (("info", False), ("debug", True), ("warning", False)):
        out = lines(level, "text")
        library.info("Starting...")
        assert ("Starting..." in out.getvalue()) is seen, level
    out = lines("info", "text")
    library.warning("lost")
    assert "lost" in out.getvalue()
    out = lines("error", "text")
    library.warning("lost")
    assert not out.getvalue()


@pytest.mark.parametrize(
    ("usual", "after"),
    [
        ("info", ["debug", "info", "debug"]),
        ("error", ["debug", "error", "debug"]),
        ("debug", ["info", "debug", "info"]),
    ],
)
def test_the_level_changes_between_debug_and_the_usual_one(
    usual: str, after: list[str]
) -> None:
    out = lines(usual, "text")
    assert [logs.toggle_debug(usual) for _ in after] == after
    log.debug("details")
    assert ("details" in out.getvalue()) is (after[-1] == "debug")


def test_silence_drops_what_nobody_asked_for(
    capsys: pytest.CaptureFixture[str],
) -> None:
    logging.getLogger().handlers.clear()
    logs.silence()
    logs.silence()
    log.error("unheard")
    assert capsys.readouterr().err == ""
    assert len(logging.getLogger().handlers) == 1
