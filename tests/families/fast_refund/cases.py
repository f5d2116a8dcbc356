"""Reads tests/cases/fast_refund.json: builds each case's line, spells out what it expects."""

import copy
import json
import re
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final, TypeAlias

from streams.families.fast_refund.policy import Policy
from streams.families.fast_refund.policy_type import POLICY
from streams.tools.decide import decide_lines

Json: TypeAlias = Any
"""What a JSON file holds: only the file knows."""

ROOT: Final = Path(__file__).parents[3]
FILE: Final = ROOT / "tests" / "cases" / "fast_refund.json"
SHIPPED: Final = POLICY.parse(
    tomllib.loads((ROOT / "config" / "policy.toml").read_text(encoding="utf-8"))
)
DATA: Final[dict[str, Any]] = json.loads(FILE.read_text(encoding="utf-8"))
CASES: Final[list[dict[str, Any]]] = DATA["cases"]
T: Final[int] = DATA["T"]
NOW: Final = T + 1_000

_MOMENT: Final = re.compile(r"(T|now)([+-]\d+)?")
_STEP: Final = re.compile(r"(\w+)|\[(\d+)\]")
_FOLLOWERS: Final = ("order.refundable_left_fen", "request.refund_fen")
APPROVED: Final = ["FR_ALL_CONDITIONS_MET"]


def moments(value: Json) -> Json:
    """Replace texts such as ``now-60001`` by their moment, UTC ms."""
    if isinstance(value, str):
        found = _MOMENT.fullmatch(value)
        if found is None:
            return value
        return (T if found[1] == "T" else NOW) + int(found[2] or 0)
    if isinstance(value, list):
        return [moments(item) for item in value]
    if isinstance(value, dict):
        return {key: moments(item) for key, item in value.items()}
    return value


def line_of(case: Mapping[str, Any]) -> dict[str, Any]:
    """Build the input line of ``refund decide``."""
    line = copy.deepcopy(DATA["base"])
    change = dict(case.get("change", {}))
    dropped = case.get("drop", [])
    if "order.paid_fen" in change:
        for path in _FOLLOWERS:
            if path not in dropped:
                change.setdefault(path, change["order.paid_fen"])
    for path, value in change.items():
        put(line, path, copy.deepcopy(value))
    for path in dropped:
        _drop(line, path)
    line["name"] = case["title"]
    if "history" in case:
        line["history"] = [{**DATA["base_row"], **row} for row in case["history"]]
    line["policy"] = copy.deepcopy(case.get("policy"))
    return dict(moments(line))


def put(line: dict[str, Any], path: str, value: Json) -> None:
    """Set a path such as ``order.lines[0].quantity``; one past a list's end appends."""
    owner, step = _owner(line, path)
    if isinstance(owner, list) and step == len(owner):
        owner.append(value)
    else:
        owner[step] = value


def _drop(line: dict[str, Any], path: str) -> None:
    owner, step = _owner(line, path)
    del owner[step]


def _owner(line: dict[str, Any], path: str) -> tuple[Any, Any]:
    steps = [word or int(place) for word, place in _STEP.findall(path)]
    owner: Any = line
    for step in steps[:-1]:
        owner = owner[step]
    return owner, steps[-1]


def raw_of(case: Mapping[str, Any]) -> bytes:
    """Encode the input line, or return it as the case gives it."""
    if "raw" in case:
        return str(case["raw"]).encode()
    line = line_of(case)
    texts = case.get("raw_at", {})
    for place, path in enumerate(texts):
        put(line, path, f"@{place}@")
    raw = json.dumps(line, ensure_ascii=False).encode()
    for place, text in enumerate(texts.values()):
        raw = raw.replace(b'"@%d@"' % place, repeated(text).encode("latin-1"))
    return raw


def repeated(text: str | list[Any]) -> str:
    """Spell out a text; a list holds texts, each followed by how often it is repeated."""
    if isinstance(text, str):
        return text
    return "".join(
        part * times for part, times in zip(text[::2], text[1::2], strict=True)
    )


def answers(lines: Iterable[bytes], shipped: Policy = SHIPPED) -> list[dict[str, Any]]:
    """Decode the answers to some lines."""
    return [json.loads(answer) for answer in decide_lines(lines, shipped)]


def in_stream(case: Mapping[str, Any]) -> bool:
    """Whether only the stream shows this case."""
    return "stream" in case


def expected_outcome(expect: Json) -> tuple[str, str | None, list[str] | None]:
    """Spell out disposition, outcome and exact codes; None = codes are not exact."""
    if expect == "A":
        return "decided", "auto_approve", APPROVED
    if isinstance(expect, list):
        return "decided", "manual_review", expect
    if "manual_with" in expect:
        return "decided", "manual_review", None
    ((disposition, codes),) = expect.items()
    return disposition, None, codes


def names_of(cases: Iterable[Mapping[str, Any]]) -> set[str]:
    """Return every code that some case expects."""
    found: set[str] = set()
    for case in cases:
        expect = case.get("expect", [])
        if isinstance(expect, dict):
            ((kind, codes),) = expect.items()
            found |= set() if kind == "dead_letter" else set(codes)
        else:
            found |= set(APPROVED if expect == "A" else expect)
    return found


def update(case: Mapping[str, Any], found: Mapping[str, Any]) -> None:
    """Rewrite what a case expects in its line of the file (``--update-cases``)."""
    expect: object = found.get("reason_codes")
    if "dead_letter" in found:
        expect = {"dead_letter": [found["dead_letter"]]}
    elif found["outcome"] == "auto_approve":
        expect = "A"
    elif found["outcome"] is None:
        expect = {found["disposition"]: found["reason_codes"]}
    old, new = (
        f'"expect": {json.dumps(one, ensure_ascii=False)}'
        for one in (case["expect"], expect)
    )
    start = f'{{"id": "{case["id"]}", '
    lines = FILE.read_text(encoding="utf-8").splitlines()
    lines = [
        line.replace(old, new) if line.startswith(start) else line for line in lines
    ]
    FILE.write_text("\n".join(lines) + "\n", encoding="utf-8")
