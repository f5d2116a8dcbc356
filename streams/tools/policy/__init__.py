"""``refund policy``: what is in force, what waits, and publishing without a slip.

A command keeps the book that workers keep
(:mod:`streams.processing.policies.book`), so what it accepts they accept.
"""
