"""``refund demo``: run everything on one machine, without installation, and leave nothing behind.

It has an embedded broker, a stand-in for the open platform, one real worker, and scenes
of platform messages and operator facts that show every kind of result.
"""

from streams.tools.demo.options import DemoOptions
from streams.tools.demo.running import run

__all__ = ["DemoOptions", "run"]
