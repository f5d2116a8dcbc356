"""A policy file read and checked: the shipped one, or the operator's."""

import tomllib
from collections.abc import Mapping
from pathlib import Path

from streams.decision.policy import Policy, parse_policy
from streams.errors import PolicyError
from streams.settings.shipped import shipped_policy_text

SHIPPED_NAME = "shipped policy.toml"


def load_policy(file: str | None) -> Policy:
    """Read one policy file; None = the shipped one.

    Raises
    ------
    PolicyError
        One line a problem, each with the file's name.
    """
    name = file or SHIPPED_NAME
    try:
        return parse_policy(_tables(file, name))
    except PolicyError as refused:
        lines = [
            line if line.startswith(f"{name}: ") else f"{name}: {line}"
            for line in refused.problems
        ]
        raise PolicyError(lines) from None


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
