"""``refund explain``: print an explanation as text or JSON."""

from typing import Any, TextIO

import msgspec

from streams.errors import UsageError
from streams.processing.explain import D, Decided, E, Explained, Explainer
from streams.processing.explain_page import Page
from streams.processing.policies import AnyPolicy, Policies
from streams.processing.policies.policy import P, full_name
from streams.processing.words import Language
from streams.tools.columns import wrapped
from streams.tools.families import Load, base_of, family_of_record
from streams.visible import visible


class Found(msgspec.Struct, frozen=True):
    """A decision with its family and the policy that it names."""

    explainer: Explainer[Any, Any]
    decision: Decided
    policy: AnyPolicy | None
    """None when it names none or that policy is not available."""
    warning: str
    """Warning about a policy that is not available; empty = none."""

    def explanation(self) -> Explained:
        """Return the explanation of the decision."""
        found: Explained = self.explainer.explain(self.decision, self.policy)
        return found


def of_record(value: bytes, policy_file: str | None, load: Load) -> Found:
    """Read a decision record.

    Parameters
    ----------
    policy_file
        None = the shipped one, of the fast refund.

    Raises
    ------
    UsageError
        The record is no decision.
    PolicyError
        The file cannot be used.
    """
    family = family_of_record(value, load)
    policies = base_of(family, policy_file)
    decision = read_decision(value, family.explainer)
    return Found(family.explainer, decision, *policy_of(decision, policies))


def read_decision(text: bytes, explainer: Explainer[D, E]) -> D:
    """Read a decision record.

    Raises
    ------
    UsageError
        It is none.
    """
    try:
        return explainer.read(text)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as problem:
        raise UsageError([f"not a decision record: {problem}"]) from None


def policy_of(decision: Decided, policies: Policies[P]) -> tuple[P | None, str]:
    """Return the policy that a decision names, and a warning when it is not available."""
    if decision.policy is None:
        return None, ""
    found = policies.named(decision.policy, decision.policy_hash)
    if found is not None:
        return found, ""
    hashed = decision.policy_hash is not msgspec.UNSET
    known = (
        ", ".join(
            full_name(policy.name, policy.policy_hash) if hashed else policy.name
            for policy in policies
        )
        or "none"
    )
    made_under = full_name(decision.policy, decision.policy_hash)
    return None, (
        f"made under {made_under}, which is not available (known: {known}): "
        "explained as recorded, without bounds; name its file with --policy"
    )


def show(found: Found, language: Language, out: TextIO) -> None:
    """Print an explanation for people, within 60 columns; unprintable characters are escaped."""
    page = Page(found.explainer, found.decision, found.policy, language)
    for line in page.lines():
        for part in wrapped(visible(line.text), line.first, line.other):
            print(part, file=out)
