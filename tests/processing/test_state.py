"""What a partition remembers: rows by key and group, decisions, ids of notices."""

from hypothesis import given
from hypothesis import strategies as st

from streams.processing.state import (
    Decisions,
    KeyedState,
    MemoryState,
    MemoryTable,
    Table,
)


def state() -> KeyedState[int]:
    return MemoryState[int]()


def test_a_row_is_there_until_it_is_deleted() -> None:
    found = state()
    assert found.get("a") is None
    found.put("a", 1)
    found.put("a", 2)
    assert found.get("a") == 2
    found.delete("a")
    found.delete("a")
    assert found.get("a") is None
    assert list(found.items()) == []


def test_a_row_belongs_to_the_group_it_was_last_put_in() -> None:
    found = state()
    found.put("a", 1, "g")
    found.put("b", 2, "g")
    found.put("a", 3, "h")
    assert found.of_group("g") == [2]
    assert found.of_group("h") == [3]
    found.put("a", 4)
    assert found.of_group("h") == []
    found.delete("b")
    assert found.of_group("g") == []


def test_the_first_decision_of_a_key_counts_and_its_bytes_are_given_again() -> None:
    found: Decisions = state()
    assert not found.knows("k")
    assert found.first("k") is None
    assert found.remember("k", b"first") == b"first"
    assert found.remember("k", b"second") == b"first"
    assert found.knows("k")
    assert found.first("k") == b"first"


def test_a_notice_exists_once_it_is_noted() -> None:
    found = state()
    assert not found.noted("n")
    found.note("n")
    found.note("n")
    assert found.noted("n")
    assert found.rows() == {"rows": 0, "decisions": 0, "notices": 1}


def test_a_start_reads_every_output_because_memory_is_empty_then() -> None:
    found = state()
    found.remember("k", b"1")
    assert found.positions() == {}


def test_rows_may_change_while_they_are_looked_through() -> None:
    found = state()
    for key in "cab":
        found.put(key, 1)
    seen = []
    for item in found.items():
        seen.append(item)
        found.delete("b")
        found.put("z", 1)
    assert seen == [("a", 1), ("b", 1), ("c", 1)]


CHANGES = st.lists(
    st.tuples(
        st.sampled_from("abcde"),
        st.one_of(st.none(), st.integers(0, 9)),
        st.one_of(st.none(), st.sampled_from("gh")),
    )
)


@given(CHANGES)
def test_rows_and_groups_are_those_of_a_plain_dict_whatever_happens(
    changes: list[tuple[str, int | None, str | None]],
) -> None:
    found = state()
    expected: dict[str, tuple[int, str | None]] = {}
    for key, row, group in changes:
        if row is None:
            expected.pop(key, None)
            found.delete(key)
        else:
            expected[key] = row, group
            found.put(key, row, group)
        for name in "gh":
            assert found.of_group(name) == [
                one for _, (one, of) in sorted(expected.items()) if of == name
            ]
    assert list(found.items()) == [
        (key, row) for key, (row, _) in sorted(expected.items())
    ]
    assert found.rows()["rows"] == len(expected)


def test_a_table_shows_the_rows_that_its_owner_keeps() -> None:
    kept: dict[str, int] = {}
    found: Table[int] = MemoryTable[int](kept)
    assert (len(found), found.get("a"), found.has("a")) == (0, None, False)
    kept["a"] = 1
    assert (len(found), found.get("a"), found.has("a")) == (1, 1, True)
    assert found.keys() == {"a"}
    assert found.get(None) is None
    assert not found.has(None)
