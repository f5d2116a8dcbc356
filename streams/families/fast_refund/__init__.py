"""The fast-refund decision: a pure function of request, facts, policy and time.

Nothing in here reads a clock, a socket or a log. ``see`` reduces the facts to
what the rules read (:class:`~streams.families.fast_refund.model.Seen`), ``decide`` judges,
``explain`` tells a person why. Same input, same bytes.
"""
