"""Format values as words: fen as yuan, ms as a moment or a duration, names as labels."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Final, Literal, TypeAlias

import msgspec

Language: TypeAlias = Literal["zh", "en"]

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_UNITS: Final[tuple[tuple[int, str, str], ...]] = (
    (3_600_000, "小时", " h"),
    (60_000, "分", " min"),
)
_FEN_PER_YUAN: Final = 100
_MS_PER_S: Final = 1000

NO_LABELS: Final[Mapping[str, str]] = MappingProxyType({})


def value_words(
    name: str,
    value: object,
    language: Language,
    labels: Mapping[str, str] = NO_LABELS,
) -> str:
    """Return a fact's value in words.

    Parameters
    ----------
    name
        Name of the fact or of a part of it; it ends in the unit: ``_fen``, ``_ms``. A
        value that is no integer there is shown as JSON, because it is the defect.
    labels
        Part of a fact, without its unit -> its Chinese name; in English parts keep
        their names.
    """
    if isinstance(value, msgspec.Struct):
        value = {
            field: part
            for field, part in msgspec.structs.asdict(value).items()
            if part not in (None, False, 0)
        }
    if isinstance(value, Mapping):
        parts = [
            f"{_label(str(part), language, labels)} "
            f"{value_words(str(part), one, language, labels)}"
            for part, one in value.items()
            if one is not None
        ]
        return (", " if language == "en" else "，").join(parts) or _none(language)
    if value is None or value in ((), []):
        return _none(language)
    if isinstance(value, bool):
        return (
            ("yes" if value else "no") if language == "en" else "是" if value else "否"
        )
    if name.endswith(("_fen", "_ms")):
        return _measured(name, value, language)
    return _plain(value, language)


def money(fen: int, language: Language) -> str:
    """Return an amount: ``300.00 yuan``."""
    whole, rest = divmod(abs(fen), _FEN_PER_YUAN)
    sign = "-" if fen < 0 else ""
    return f"{sign}{whole}.{rest:02d}{' yuan' if language == 'en' else '元'}"


def moment(at_ms: int) -> str:
    """Return a moment as UTC to the ms; beyond the calendar, the plain number."""
    try:
        found = _EPOCH + timedelta(milliseconds=at_ms)
    except OverflowError:
        return f"{at_ms} ms"
    text = found.strftime("%Y-%m-%d %H:%M:%S")
    return f"{text}.{at_ms % _MS_PER_S:03d} UTC"


def duration(ms: int, language: Language) -> str:
    """Return a duration: ``1 min 0.001 s``, ``24 h``; exact to the ms."""
    if ms < 0:
        return f"-{duration(-ms, language)}"
    parts = []
    for size_ms, zh, en in _UNITS:
        count, ms = divmod(ms, size_ms)
        if count:
            parts.append(f"{count}{en if language == 'en' else zh}")
    if ms or not parts:
        whole, rest = divmod(ms, _MS_PER_S)
        digits = f".{rest:03d}".rstrip("0") if rest else ""
        parts.append(f"{whole}{digits}{' s' if language == 'en' else '秒'}")
    return (" " if language == "en" else "").join(parts)


def _measured(name: str, value: object, language: Language) -> str:
    if type(value) is not int:
        return _json(value)
    return money(value, language) if name.endswith("_fen") else moment(value)


def _plain(value: object, language: Language) -> str:
    if isinstance(value, str):
        return value
    if not isinstance(value, list | tuple):
        return _json(value)
    between = "、" if language == "zh" else ", "
    return between.join(
        "/".join(map(str, one))
        if isinstance(one, list | tuple)
        else value_words("", one, language)
        for one in value
    )


def _label(name: str, language: Language, labels: Mapping[str, str]) -> str:
    bare = name.removesuffix("_fen").removesuffix("_ms")
    return bare.replace("_", " ") if language == "en" else labels.get(bare, bare)


def _none(language: Language) -> str:
    return "none" if language == "en" else "无"


def _json(value: object) -> str:
    return msgspec.json.encode(value, enc_hook=str).decode()
