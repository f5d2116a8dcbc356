"""Families written to a folder on the path, for tests of what is registered."""

from pathlib import Path

import pytest

_SOURCE = """
from streams.processing.topics import (
    COMPACTED, DEAD_LETTERS, KEPT_14_DAYS, POLICIES, FamilyTopics, Topic,
)


def row(name, kind, family="{code}", **more):
    return Topic(**{{
        "name": name, "kind": kind, "family": family, "key": "day",
        "partition_key": "shop_id", "retention": KEPT_14_DAYS, "records": (),
        "written_by": ("edge",), "read_by": ("decide",), **more,
    }})


class Made:
    code = "{code}"
    policy = explainer = None
    reasons = {{}}
    kinds = ()
    topics = FamilyTopics(
        input=row("{low}-days", "input"),
        facts=(row("{low}-shops", "fact", retention=COMPACTED),),
        shared_facts=(POLICIES,),
        outputs=(row("{low}-results", "output", written_by=("decide",)), DEAD_LETTERS),
    )

    def process(self, site, policies):
        raise NotImplementedError


FAMILY = Made()
"""


class Modules:
    """A folder on the path, in which a test puts modules."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def write(self, name: str, text: str) -> str:
        (self.folder / f"{name}.py").write_text(text, "utf-8")
        return name

    def family(self, name: str, code: str) -> str:
        """Write a family that has topics and judges nothing."""
        return self.write(name, _SOURCE.format(code=code, low=code.lower()))


def modules(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Modules:
    monkeypatch.syspath_prepend(tmp_path)
    return Modules(tmp_path)
