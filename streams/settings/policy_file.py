"""A policy file read and checked: the shipped one, or the operator's."""

import tomllib
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from streams.errors import PolicyError
from streams.families.fast_refund.policy import Policy
from streams.families.fast_refund.policy_type import POLICY
from streams.processing.policies import PolicyType
from streams.processing.policies.policy import P
from streams.processing.policies.publication import PolicyRecord, parse_record
from streams.settings.shipped import shipped_policy_text

SHIPPED_NAME = "shipped policy.toml"


def load_policy(file: str | None) -> Policy:
    """Read a policy file of the fast refund; None = the shipped one.

    Raises
    ------
    PolicyError
        One line a problem, each with the file's name.
    """
    return load_record(POLICY, file).policy


def load_record(kind: PolicyType[P], file: str | None) -> PolicyRecord[P]:
    """Read a policy file of any family, with what it says of its publication.

    ``effective_from_ms`` may be a moment with its zone, as TOML has it or as a text.

    Parameters
    ----------
    file
        None = the shipped one, of the fast refund.

    Raises
    ------
    PolicyError
        One line a problem, each with the file's name.
    """
    name = file or SHIPPED_NAME
    if file is None and kind.code != POLICY.code:
        raise PolicyError([f"no policy of {kind.code} is shipped; name a file"])
    try:
        return parse_record(kind, _dated(kind.flatten(_tables(file, name))))
    except PolicyError as refused:
        lines = [
            line if line.startswith(f"{name}: ") else f"{name}: {line}{_hint(line)}"
            for line in refused.problems
        ]
        raise PolicyError(lines) from None


def _dated(flat: Mapping[str, object]) -> dict[str, object]:
    """Turn the moment from which a policy holds into UTC ms; what is none stays."""
    found = dict(flat)
    given = found.get(_MOMENT)
    text = given.isoformat() if isinstance(given, datetime) else given
    at_ms = moment_ms(text) if isinstance(text, str) else None
    if at_ms is not None:
        found[_MOMENT] = at_ms
    return found


def moment_ms(text: str) -> int | None:
    """Return UTC ms of RFC 3339 with a zone; None when it is none."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    if found.tzinfo is None:
        return None
    since = found - datetime(1970, 1, 1, tzinfo=UTC)
    return (since.days * 86_400 + since.seconds) * 1000 + since.microseconds // 1000


def _hint(line: str) -> str:
    return _MOMENT_HINT if line.startswith(f"{_MOMENT}: must be") else ""


_MOMENT: Final = "effective_from_ms"
_MOMENT_HINT: Final = "; or a moment with its zone, such as 2026-03-18T08:00:00+08:00"


def _tables(file: str | None, name: str) -> Mapping[str, object]:
    try:
        text = shipped_policy_text() if file is None else Path(file).read_text("utf-8")
        return tomllib.loads(text)
    except OSError as problem:
        why = problem.strerror or type(problem).__name__
        raise PolicyError([f"{name}: {why}; check the path"]) from None
    except UnicodeDecodeError:
        raise PolicyError([f"{name}: not UTF-8; save it as UTF-8"]) from None
    except (ValueError, RecursionError) as problem:
        # ValueError: no TOML, or an integer of more digits than Python reads (E-35).
        raise PolicyError([f"{name}: not TOML: {problem}; correct it"]) from None
