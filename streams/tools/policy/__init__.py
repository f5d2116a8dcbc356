"""``refund policy``: show policies in force and waiting, and publish safely.

A command uses the same policy book as workers
(:mod:`streams.processing.policies.book`), so it accepts what they accept.
"""
