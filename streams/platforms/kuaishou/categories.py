"""Read the platform's category tree: leaf id -> path from the root."""

import tomllib
from collections.abc import Mapping
from pathlib import Path

from streams.errors import SettingsError


def load_categories(file: str | None) -> Mapping[str, tuple[str, ...]]:
    """Read a TOML file with one table ``[paths]``: leaf id = list of names.

    Without a file no category is known, and every order goes to a person
    (CATEGORY_UNKNOWN).

    Raises
    ------
    SettingsError
        The file cannot be read or has wrong content; one line per problem.
    """
    if file is None:
        return {}
    try:
        found = tomllib.loads(Path(file).read_text("utf-8"))
    except OSError as problem:
        raise SettingsError(
            [f"{file}: {problem.strerror or problem}; check the path"]
        ) from None
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as problem:
        raise SettingsError([f"{file}: not TOML: {problem}"]) from None
    paths = found.get("paths")
    if not isinstance(paths, dict):
        raise SettingsError([f"{file}: needs a table [paths]"])
    bad = [leaf for leaf, path in paths.items() if not _is_path(path)]
    if bad:
        raise SettingsError(
            [f"{file}: {leaf} must be a list of names, root first" for leaf in bad]
        )
    return {leaf: tuple(path) for leaf, path in paths.items()}


def _is_path(path: object) -> bool:
    return (
        isinstance(path, list)
        and bool(path)
        and all(isinstance(name, str) and name for name in path)
    )
