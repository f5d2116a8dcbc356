"""Versions of a refund that came in one slice: a few of them mean as much as all."""

from hypothesis import given
from hypothesis import strategies as st

from streams.families.fast_refund.history_facts import find
from streams.families.fast_refund.model import Past, Request
from streams.families.fast_refund.slice_work import later_versions
from tests.families.fast_refund.base import NOW, SHIPPED

REQUESTS = st.lists(
    st.builds(
        lambda version, action: Request(
            refund_id="r-1", refund_version=version, order_id="o-1", action=action
        ),
        st.none() | st.integers(-1, 12),
        st.sampled_from(("open", "edit", "withdraw", None)),
    ),
    min_size=2,
    max_size=40,
)


def row(request: Request) -> Past:
    state = "withdrawn" if request.action == "withdraw" else "undecided"
    return Past(request.refund_id, request.order_id, request.refund_version, state)


@given(REQUESTS)
def test_the_latest_of_many_versions_mean_what_all_of_them_mean(
    requests: list[Request],
) -> None:
    later = later_versions(requests)["r-1"]
    for request in requests:
        few = [one for at, one in later if at is not request]
        every = [row(other) for other in requests if other is not request]
        assert find(request, "o-1", few, SHIPPED, NOW) == (
            find(request, "o-1", every, SHIPPED, NOW)
        )


def test_of_thousands_of_versions_a_handful_is_looked_at() -> None:
    requests = [
        Request(refund_id="r-1", refund_version=version % 3_000, action=action)
        for version in range(4_000)
        for action in ("edit", "withdraw")
    ]
    assert len(later_versions(requests)["r-1"]) <= 6
