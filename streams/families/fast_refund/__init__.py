"""The fast-refund decision: a pure function of request, facts, policy and time.

Nothing here reads a clock, a socket or a log. ``see`` reduces the facts to what the
rules read (:class:`~streams.families.fast_refund.model.Seen`), ``decide`` judges, and
``explain`` gives the reasons in words. Same input, same bytes.
"""
