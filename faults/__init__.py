"""Proof under failure: a real broker, real workers, faults, and an independent judge.

``python -m faults`` runs the campaign; the tests borrow its laboratory and its judge.
"""
