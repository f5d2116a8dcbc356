"""``refund policy``: what is in force, what waits, and publishing without a slip.

A command keeps the book that workers keep
(:mod:`streams.families.fast_refund.policy_book`), so what it accepts they accept.
"""
