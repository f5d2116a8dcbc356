"""Policy versions from a file and from the records of a capture."""

from streams.families.fast_refund.policy import Policies, Policy
from streams.families.fast_refund.shared_tables import SharedTables
from streams.processing.topics import POLICIES
from streams.tools.capture.store import Capture


def policies_of(capture: Capture, base: Policy) -> Policies:
    """Return the policy of the file, extended by every version in the capture."""
    shared = SharedTables(Policies((base,)), capture.manifest.partitions)
    for record in capture.records((POLICIES.name,)):
        shared.apply_policy(record.key, record.value, record.timestamp)
    return shared.policies
