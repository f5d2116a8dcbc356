"""``refund policy check|show``."""

from typing import TextIO

import msgspec

from streams.settings import load_policy


def check(file: str | None, out: TextIO) -> None:
    """Say that a policy file is in order.

    Raises
    ------
    PolicyError
        One line a problem.
    """
    policy = load_policy(file)
    print(f"{policy.name} is in order", file=out)


def show(file: str | None, out: TextIO) -> None:
    """Print every key of a policy, defaults included, as flat TOML.

    Raises
    ------
    PolicyError
        One line a problem.
    """
    for key, value in msgspec.structs.asdict(load_policy(file)).items():
        if value is None:
            print(f"# {key} is off", file=out)
        else:
            print(f"{key} = {msgspec.json.encode(value).decode()}", file=out)
