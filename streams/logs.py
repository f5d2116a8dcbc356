"""Log lines for people or collectors, without secrets, and without buyers at ``info``.

One handler on the root logger writes to the given stream. What must not appear is
taken out of the finished line, so that exception texts and third-party messages are
covered too. Nothing that is logged can forge a line: a record is one line of JSON, or
one line of text that only a traceback follows, its lines moved in.
"""

import json
import logging
import re
from collections.abc import Iterable
from datetime import UTC, datetime
from types import TracebackType
from typing import Final, TextIO, TypeAlias

from typing_extensions import override

from streams.errors import RefundError
from streams.processing.news import NewsQueue
from streams.visible import visible

HIDDEN: Final = "(hidden)"

_TALKATIVE: Final = ("faust", "mode", "aiokafka")
"""Libraries whose lines at ``info`` are about their own insides."""

_ExcInfo: TypeAlias = (
    tuple[type[BaseException], BaseException, TracebackType | None]
    | tuple[None, None, None]
)

_NAMED_SECRET: Final = re.compile(
    r"(?i)((?:password|secret|access_token|app_secret|sign)[\"']?\s*[=:]\s*[\"']?)"
    r"([^\s\"',;&)}\]]+)"
)
_NAMED_BUYER: Final = re.compile(
    r"(?i)(buyer(?:_id)?[\"']?\s*[=:]\s*[\"']?|\bbuyer )([^\s\"',;&)}\]=:]+)"
)
_OWN_ATTRIBUTES: Final = frozenset(
    logging.LogRecord("", 0, "", 0, "", None, None).__dict__
) | {"message", "asctime", "taskName"}


class _Clean:
    """Takes secrets out of a line, and buyers out of all but ``debug`` lines."""

    def __init__(self, secrets: Iterable[str]) -> None:
        # The longest first: one secret may be part of another.
        self._secrets = sorted(set(secrets), key=len, reverse=True)

    def __call__(self, text: str, level: int) -> str:
        for secret in self._secrets:
            text = text.replace(secret, HIDDEN)
        text = _NAMED_SECRET.sub(rf"\1{HIDDEN}", text)
        if level > logging.DEBUG:
            text = _NAMED_BUYER.sub(rf"\1{HIDDEN}", text)
        return text


def _moment(record: logging.LogRecord) -> str:
    moment = datetime.fromtimestamp(record.created, UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _indented(traceback: str) -> str:
    """Move a traceback in: none of its lines then looks like the start of a record."""
    return "\n".join(f"  {visible(line)}" for line in traceback.split("\n"))


class _TextFormatter(logging.Formatter):
    def __init__(self, clean: _Clean) -> None:
        super().__init__("%(levelname)s %(name)s: %(message)s")
        self._clean = clean

    @override
    def format(self, record: logging.LogRecord) -> str:
        text = self._clean(super().format(record), record.levelno)
        return f"{_moment(record)} {text}"

    @override
    def formatMessage(self, record: logging.LogRecord) -> str:
        # Secrets go first: an escape inside one would hide it from the search.
        return visible(self._clean(super().formatMessage(record), record.levelno))

    @override
    def formatException(self, ei: _ExcInfo) -> str:
        return _indented(super().formatException(ei))

    @override
    def formatStack(self, stack_info: str) -> str:
        return _indented(super().formatStack(stack_info))


class _JsonFormatter(logging.Formatter):
    def __init__(self, clean: _Clean) -> None:
        super().__init__()
        self._clean = clean

    @override
    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, object] = {
            "time": _moment(record),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": self._text(record.getMessage(), record),
        }
        for key, value in record.__dict__.items():
            if key not in _OWN_ATTRIBUTES:
                line[key] = self._field(key, value, record)
        if record.exc_info:
            line["exception"] = self._text(
                self.formatException(record.exc_info), record
            )
        # Not msgspec: half a surrogate pair in an id must not cost the line.
        return visible(json.dumps(line, ensure_ascii=False))

    def _field(self, key: str, value: object, record: logging.LogRecord) -> object:
        """Return a field as JSON: numbers and tables of them as they are, else text."""
        if isinstance(value, dict):
            return {
                str(name): self._field(str(name), one, record)
                for name, one in value.items()
            }
        # As "key=value", so that the name of the field counts, too.
        text = f"{key}={value}"
        shown = self._text(text, record)
        if shown == text and (value is None or isinstance(value, int)):
            return value
        return shown.removeprefix(f"{key}=")

    def _text(self, text: str, record: logging.LogRecord) -> str:
        return self._clean(text, record.levelno)


class _OneLine(logging.Filter):
    """Tells our own errors in a line: their text says all; a traceback would hide it."""

    @override
    def filter(self, record: logging.LogRecord) -> bool:
        if record.exc_info and isinstance(record.exc_info[1], RefundError):
            record.msg, record.args = str(record.exc_info[1]), ()
            record.exc_info = None
        return True


def configure(
    level: str, form: str, stream: TextIO, secrets: Iterable[str] = ()
) -> None:
    """Send all logging to ``stream`` and nowhere else; the last call counts.

    Parameters
    ----------
    level
        ``debug``, ``info``, ``warning``, ``error``: the least severe one written.
    form
        ``json`` = one object a line; anything else = text.
    stream
        Usually standard error.
    secrets
        Texts that must not appear in any line; none is empty.
    """
    clean = _Clean(secrets)
    handler = logging.StreamHandler(stream)
    handler.setFormatter(
        _JsonFormatter(clean) if form == "json" else _TextFormatter(clean)
    )
    handler.addFilter(_OneLine())
    root = logging.getLogger()
    for old in list(root.handlers):
        root.removeHandler(old)
    root.addHandler(handler)
    _set_level(level)
    logging.captureWarnings(capture=True)


def toggle_debug(usual: str) -> str:
    """Change between ``debug`` and the usual level (of ``info`` if that is ``debug``).

    Returns
    -------
    str
        The level from now on.
    """
    if usual == "debug":
        usual = "info"
    level = usual if logging.getLogger().level == logging.DEBUG else "debug"
    _set_level(level)
    return level


def _set_level(level: str) -> None:
    """Set the level; what Faust and aiokafka tell of themselves shows at ``debug`` only."""
    root = logging.getLogger()
    root.setLevel(level.upper())
    quiet = max(root.level, logging.WARNING)
    for name in _TALKATIVE:
        logging.getLogger(name).setLevel(
            logging.NOTSET if root.level == logging.DEBUG else quiet
        )


def silence() -> None:
    """Drop all logging: for commands that report on their own."""
    root = logging.getLogger()
    if not root.handlers:
        root.addHandler(logging.NullHandler())


def log_news(log: logging.Logger, news: NewsQueue) -> None:
    """Log what pure code had to say since it was asked last."""
    while news:
        one = news.popleft()
        log.log(_NEWS_LEVELS[one.level], "%s", one.text)


_NEWS_LEVELS: Final = {
    "info": logging.INFO,
    "warning": logging.WARNING,
    "error": logging.ERROR,
}
