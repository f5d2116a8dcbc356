"""Generators of JSON values that nobody expects where they stand."""

from typing import Final

from hypothesis import strategies as st

ANY_JSON: Final = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3)
    ),
    max_leaves=6,
)
"""A value of every JSON type; strings without half a surrogate pair."""
