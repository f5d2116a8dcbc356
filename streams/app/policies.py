"""The policy a worker starts with: a file, or the one that is shipped."""

import tomllib
from pathlib import Path

from streams.decision.policy import Policies, Policy, parse_policy
from streams.errors import PolicyError
from streams.settings import PolicySource, shipped_policy_text


def load_policies(source: PolicySource) -> Policies:
    """Read the policy file; versions of ``refund.policies`` come on top of it.

    Raises
    ------
    PolicyError
        It cannot be read, or is refused: one line a problem.
    """
    return Policies((load_policy(source.file),))


def load_policy(file: str | None) -> Policy:
    """Read one policy file; None = the shipped one.

    Raises
    ------
    PolicyError
        One line a problem, each with the file's name.
    """
    name = file or "shipped policy.toml"
    try:
        text = shipped_policy_text() if file is None else Path(file).read_text("utf-8")
        return parse_policy(tomllib.loads(text))
    except OSError as problem:
        raise PolicyError(
            [f"{name}: {problem.strerror or problem}; check the path"]
        ) from None
    except UnicodeDecodeError:
        raise PolicyError([f"{name}: not UTF-8; save it as UTF-8"]) from None
    except tomllib.TOMLDecodeError as problem:
        raise PolicyError([f"{name}: not TOML: {problem}"]) from None
    except PolicyError as refused:
        raise PolicyError(
            [f"{name}: {problem}" for problem in refused.problems]
        ) from None
