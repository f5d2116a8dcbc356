"""Every foreign error has a row, and every translation goes by the table."""

import ast
import asyncio
import errno
import importlib
import pkgutil
import ssl
from collections.abc import Iterator

import aiokafka
import aiokafka.errors
import pytest

from streams import errors as ours
from streams.errors import (
    AccessError,
    FactsUnreadableError,
    RefundError,
    SourceError,
    TopicsError,
    UsageError,
    WorkerError,
)
from streams.kafka.errors import (
    CLIENT,
    FOREIGN,
    ROWS,
    advice,
    row_of,
    translated,
    translated_for_command,
    translating,
    unreachable,
)
from tests.house.code import modules, named

OF_THE_SYSTEM = {OSError, TimeoutError, ssl.SSLError, ssl.SSLCertVerificationError}


def aiokafkas() -> set[type[BaseException]]:
    """Every error class that is defined anywhere in aiokafka."""
    found: set[type[BaseException]] = set()
    for one in pkgutil.walk_packages(aiokafka.__path__, "aiokafka."):
        module = importlib.import_module(one.name)
        found |= {
            value
            for value in vars(module).values()
            if isinstance(value, type)
            and issubclass(value, BaseException)
            and value.__module__.startswith("aiokafka")
        }
    return found


def listed() -> list[type[BaseException]]:
    return [error for row in ROWS for error in row.errors if not row.tls_reasons]


def tls(reason: str) -> ssl.SSLError:
    problem = ssl.SSLError(1, f"[SSL: {reason}] it failed")
    problem.reason = reason
    return problem


def test_every_error_of_the_client_has_a_row_of_its_own() -> None:
    assert len(aiokafkas()) > 80
    assert set(listed()) == aiokafkas() | OF_THE_SYSTEM


def test_no_error_has_two_rows() -> None:
    assert len(listed()) == len(set(listed()))
    reasons = [reason for row in ROWS for reason in row.tls_reasons]
    assert len(reasons) == len(set(reasons))


def test_every_error_of_the_client_is_caught() -> None:
    assert all(issubclass(error, FOREIGN) for error in aiokafkas() | OF_THE_SYSTEM)
    assert all(issubclass(error, CLIENT) for error in aiokafkas())


def test_a_class_that_came_with_a_new_client_falls_under_the_class_above_it() -> None:
    class Newer(aiokafka.errors.OffsetOutOfRangeError):  # type: ignore[misc]  # untyped
        pass

    assert row_of(Newer("t")) == row_of(aiokafka.errors.OffsetOutOfRangeError("t"))


def test_what_is_not_foreign_has_no_row() -> None:
    assert row_of(ValueError("x")) is None
    assert row_of(asyncio.CancelledError()) is None
    assert str(translated(ValueError("x"), "it failed", SourceError)) == (
        "it failed: ValueError: x"
    )


@pytest.mark.parametrize(
    ("problem", "expected"),
    [
        (tls("TLSV1_ALERT_UNKNOWN_CA"), "does not know who signed it"),
        (tls("TLSV13_ALERT_CERTIFICATE_REQUIRED"), "none is set"),
        (tls("SSLV3_ALERT_CERTIFICATE_EXPIRED"), "it has expired"),
        (tls("SSLV3_ALERT_CERTIFICATE_REVOKED"), "it was revoked"),
        (tls("SSLV3_ALERT_BAD_CERTIFICATE"), "the broker's log says why"),
        (tls("WRONG_VERSION_NUMBER"), "kafka.security_protocol: a broker does not enc"),
        (tls("UNEXPECTED_EOF_WHILE_READING"), "check kafka.bootstrap_servers"),
        (ConnectionResetError(errno.ECONNRESET, "x"), "check kafka.bootstrap_servers"),
        (TimeoutError(), "did not answer in time"),
        (aiokafka.errors.SaslAuthenticationFailed("x"), "kafka.sasl_username and"),
    ],
)
def test_an_error_gets_the_advice_of_its_row(
    problem: BaseException, expected: str
) -> None:
    row = row_of(problem)
    assert row is not None
    assert expected in advice(row)


def test_every_advice_can_be_said_of_an_unnamed_broker_on_one_line() -> None:
    for row in ROWS:
        text = advice(row)
        assert "{" not in text
        assert "\n" not in text
        assert "  " not in text


def test_brokers_that_are_away_or_late_are_told_from_those_that_refuse() -> None:
    assert unreachable(aiokafka.errors.KafkaConnectionError("x"))
    assert unreachable(TimeoutError())
    assert not unreachable(aiokafka.errors.TopicAuthorizationFailedError("x"))
    assert not unreachable(ValueError())


def test_a_step_of_a_worker_raises_its_own_class_with_cause_and_advice() -> None:
    problem = aiokafka.errors.TopicAuthorizationFailedError("refund.orders")
    with (
        pytest.raises(FactsUnreadableError) as caught,
        translating("reading facts failed", FactsUnreadableError),
    ):
        raise problem
    assert caught.value.__cause__ is problem
    line = str(caught.value)
    assert line.startswith("reading facts failed: [Error 29] TopicAuthorizationFailed")
    assert line.count("TopicAuthorizationFailedError") == 1
    assert "refund.orders; our user lacks a right" in line


@pytest.mark.parametrize(
    ("problem", "expected"),
    [
        (aiokafka.errors.KafkaConnectionError("x"), SourceError),
        (aiokafka.errors.TopicAuthorizationFailedError("x"), AccessError),
        (aiokafka.errors.UnknownTopicOrPartitionError("x"), TopicsError),
        (ValueError("x"), SourceError),
    ],
)
def test_a_command_gets_the_class_of_the_row(
    problem: BaseException, expected: type[RefundError]
) -> None:
    found = translated_for_command(problem, "it failed")
    assert type(found) is expected
    if isinstance(found, UsageError):
        (line,) = found.problems
        assert line.startswith("it failed: ")


def test_what_is_raised_by_us_inside_a_step_stays_what_it_is() -> None:
    with (
        pytest.raises(TopicsError),
        translating("reading facts failed", FactsUnreadableError),
    ):
        raise TopicsError(["t: gone"])


def test_a_message_of_several_lines_becomes_one() -> None:
    found = translated(aiokafka.errors.CommitFailedError(), "it failed", WorkerError)
    assert "\n" not in str(found)
    assert "  " not in str(found)


# -- nothing else translates -----------------------------------------------------------

OUR_CLASSES = frozenset(
    name
    for name, value in vars(ours).items()
    if isinstance(value, type) and issubclass(value, RefundError)
)
FOREIGN_NAMES = frozenset(
    {"CLIENT", "FOREIGN", "KafkaException", *(one.__name__ for one in aiokafkas())}
)
TRANSLATES = {
    "streams/tools/drive/clients.py": "librdkafka's one error class; needs no aiokafka",
}


def translations(tree: ast.AST) -> Iterator[int]:
    """Yield lines that raise an error of ours, made there, where a foreign one is caught."""
    for handler in ast.walk(tree):
        if not isinstance(handler, ast.ExceptHandler) or handler.type is None:
            continue
        caught = {named(node) for node in ast.walk(handler.type)}
        if not caught & FOREIGN_NAMES:
            continue
        for node in ast.walk(handler):
            match node:
                case ast.Raise(exc=ast.Call(func=made)) if named(made) in OUR_CLASSES:
                    yield node.lineno
                case _:
                    pass


def test_foreign_errors_are_translated_by_the_table_only() -> None:
    found = {
        module.file for module in modules("streams") if list(translations(module.tree))
    }
    assert found == set(TRANSLATES)


@pytest.mark.parametrize(
    "caught", ["KafkaError", "(KafkaError, OSError)", "errors.KafkaError", "FOREIGN"]
)
def test_a_translation_elsewhere_is_found(caught: str) -> None:
    text = (
        f"try:\n    f()\nexcept {caught} as one:\n    raise SourceError('x') from one"
    )
    assert list(translations(ast.parse(text))) == [4]


def test_raising_it_by_the_table_or_as_it_is_is_no_translation() -> None:
    text = (
        "try:\n    f()\nexcept KafkaError as one:\n"
        "    raise translated(one, 'x', SourceError) from one\n"
        "except FOREIGN:\n    raise\n"
        "except ValueError:\n    raise SourceError('x')"
    )
    assert not list(translations(ast.parse(text)))
