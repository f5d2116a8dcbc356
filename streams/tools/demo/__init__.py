"""``refund demo``: everything on one machine, nothing to install, gone afterwards.

An embedded broker, a stand-in for the open platform, one real worker, and scenes of
platform messages and operator facts in which every kind of result comes up.
"""

from streams.tools.demo.options import DemoOptions
from streams.tools.demo.running import run

__all__ = ["DemoOptions", "run"]
