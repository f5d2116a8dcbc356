"""Replace buyer ids with keyed hashes, which cannot be reversed but still join.

The hash depends only on key and id, so a buyer has the same new id in every topic and
every capture with that key. The first hash of an id that belongs to the same partition
is taken, so that routing and replay work as before.
"""

import hmac
import re
from collections.abc import Collection
from typing import Final

import msgspec

from streams.errors import SettingsError, UsageError
from streams.families.fast_refund.topics import BUYERS
from streams.platforms.registry import installed
from streams.processing.partitioner import partition_of
from streams.processing.watermarks import WATERMARK_KEY
from streams.records.dead_letters import last_text
from streams.records.json_values import Unreadable, decode_object
from streams.settings import Secret, Settings
from streams.settings.topics import topic_name
from streams.tools.capture.record import Captured

KEY_MIN: Final = 16
_NEW_PREFIX: Final = "b-"
_NEW_DIGITS: Final = 24
_FINGERPRINT: Final = b"refund capture redaction"
_REMEMBERED: Final = 200_000
_NO_ID: Final = b"0"
_FIELD: Final = re.compile(
    rb'("buyer_id"\s*:\s*)(?:"((?:[^"\\]|\\.)*)"|(-?[0-9][0-9.eE+-]*))', re.DOTALL
)


def buyer_keyed(settings: Settings) -> frozenset[str]:
    """Return the topics of all families whose keys are buyer ids."""
    return frozenset(
        topic_name(row, settings.topics)
        for row in installed(settings)
        if row.key == BUYERS.key
    )


class Redactor:
    """Replaces buyer ids in keys and values.

    Parameters
    ----------
    key
        At least :data:`KEY_MIN` characters.
    partitions
        Partitions of the topics partitioned by buyer.
    keyed
        Topics whose keys are buyer ids; so are the keys of their dead letters.
    dead_letters
        Topic of dead letters.

    Raises
    ------
    SettingsError
        The key is missing or too short.
    """

    def __init__(
        self,
        key: Secret | None,
        partitions: int,
        keyed: Collection[str],
        dead_letters: str,
    ) -> None:
        text = key.reveal() if key is not None else ""
        if len(text) < KEY_MIN:
            raise SettingsError(
                [
                    (
                        "tools.redaction_key: --redact-buyers needs a key of at least "
                        f"{KEY_MIN} characters: name its file in tools.redaction_key_file"
                    )
                ]
            )
        self._key = text.encode()
        self._partitions = partitions
        self._keyed = frozenset(keyed)
        self._dead_letters = dead_letters
        self._known: dict[str, str] = {}
        self.blanked = 0
        """Values left out because it is unknown whether they name a buyer."""

    @property
    def fingerprint(self) -> str:
        """Return a fingerprint that identifies the key without disclosing it."""
        return hmac.digest(self._key, _FINGERPRINT, "sha256").hex()[:16]

    def buyer(self, buyer_id: str) -> str:
        """Return the new id of a buyer: same partition, same id for the same key."""
        known = self._known.get(buyer_id)
        if known is not None:
            return known
        wanted = partition_of(buyer_id, self._partitions)
        number, found = 0, ""
        while not found or partition_of(found, self._partitions) != wanted:
            text = b"%d:" % number + buyer_id.encode()
            digest = hmac.digest(self._key, text, "sha256").hex()
            found, number = _NEW_PREFIX + digest[:_NEW_DIGITS], number + 1
        if len(self._known) >= _REMEMBERED:
            self._known.clear()
        self._known[buyer_id] = found
        return found

    def redact(self, record: Captured) -> Captured:
        """Return a record without buyer ids.

        A value that is no JSON object, or contains a buyer id in an unusual form,
        becomes empty: an unreadable value cannot be redacted.
        """
        key, value = record.key, record.value
        origin = record.topic
        if origin == self._dead_letters:
            origin = last_text(record.headers, "topic") or ""
        if origin in self._keyed and key is not None:
            key = self._key_of(key)
        if value:
            value = self._value_of(value)
        return msgspec.structs.replace(record, key=key, value=value)

    def _key_of(self, key: bytes) -> bytes:
        if key.startswith(WATERMARK_KEY):
            return key
        return self.buyer(key.decode(errors="replace")).encode()

    def _value_of(self, value: bytes) -> bytes:
        replaced: set[object] = set()

        def new(found: re.Match[bytes]) -> bytes:
            if found[3] is not None:  # a number: a wrong value, and it stays one
                replaced.add(0)
                return found[1] + _NO_ID
            buyer_id = self.buyer(msgspec.json.decode(b'"' + found[2] + b'"', type=str))
            replaced.add(buyer_id)
            return found[1] + msgspec.json.encode(buyer_id)

        try:
            cleaned = _FIELD.sub(new, value)
        except (msgspec.DecodeError, UnicodeDecodeError):
            return self._blank()
        plain = decode_object(cleaned)
        if isinstance(plain, Unreadable) or not _only(plain, replaced):
            return self._blank()
        return cleaned

    def _blank(self) -> bytes:
        self.blanked += 1
        return b""


def _only(found: object, replaced: set[object]) -> bool:
    """Whether every nested buyer id is a replaced one."""
    if isinstance(found, dict):
        return all(
            (one is None or (isinstance(one, str | int) and one in replaced))
            if name == "buyer_id"
            else _only(one, replaced)
            for name, one in found.items()
        )
    return not isinstance(found, list) or all(_only(one, replaced) for one in found)


def refuse_events(topics: tuple[str, ...], events: str) -> None:
    """Refuse to redact platform events: they name buyers in other fields.

    Raises
    ------
    UsageError
        Platform events are among the topics.
    """
    if events in topics:
        raise UsageError(
            [
                (
                    f"{events}: --redact-buyers does not know how the platform's events "
                    "name buyers; capture them separately, or omit them"
                )
            ]
        )
