"""Policies of all families: declare, read, check and publish them; find the one in force.

A family declares a struct of keys and a :class:`PolicyType`; a :class:`PolicyBook`
makes versions, a pause and refusals from the records of the topic ``policies``;
:meth:`Policies.at` returns the version in force at a moment.
"""

from streams.processing.policies.book import PolicyBook
from streams.processing.policies.policy import AnyPolicy, Name, Span, Whole
from streams.processing.policies.policy_type import PolicyType
from streams.processing.policies.versions import Policies

__all__ = ("AnyPolicy", "Name", "Policies", "PolicyBook", "PolicyType", "Span", "Whole")
