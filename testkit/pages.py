"""Pages that are written by hand but for a part, which a command writes."""

from collections.abc import Iterable, Sequence
from pathlib import Path


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table in Markdown."""
    lines = [head, ("---",) * len(head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def rewrite(page: Path, part: str, text: str) -> None:
    """Replace what stands between ``<!-- PART: from here -->`` and ``<!-- PART: to here -->``.

    Raises
    ------
    ValueError
        The page lacks these marks.
    """
    begin, end = f"<!-- {part}: from here -->", f"<!-- {part}: to here -->"
    before = page.read_text(encoding="utf-8")
    head, begun, rest = before.partition(begin)
    _, ended, tail = rest.partition(end)
    if not begun or not ended:
        raise ValueError(f"{page}: the marks {begin} and {end} are needed")
    page.write_text(f"{head}{begin}\n{text}\n{end}{tail}", encoding="utf-8")
