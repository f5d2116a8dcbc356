"""The Faust agents: thin loops that carry slices in and records out.

What a record means is decided elsewhere: :mod:`streams.agents.judging` joins the
facts in memory with the pure core, and the replay tools call the same function.
"""
