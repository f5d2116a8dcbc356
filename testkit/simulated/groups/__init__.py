"""Consumer groups: members, generations, committed offsets."""

from testkit.simulated.groups.groups import Groups
from testkit.simulated.groups.settings import GroupSettings

__all__ = ["GroupSettings", "Groups"]
