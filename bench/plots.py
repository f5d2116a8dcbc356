"""Plots as small SVG files: bars for work, points on a logarithmic axis for latency.

Written by hand, so that a plot needs no library: text, lines and rectangles.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape
from statistics import median
from typing import Final

from bench.engine_table import ENGINE_TABLE
from bench.results import Results
from bench.running import EngineRun

_WIDTH: Final = 860
_LEFT: Final = 270
_RIGHT: Final = 110
_ROW: Final = 26
_TOP: Final = 44
_BOTTOM: Final = 30
_FULL, _SMALL = "#2f6db3", "#8a8f98"
_FEW: Final = 3
"""With fewer lines across the drawing than this, finer ones are drawn."""
_WHOLE: Final = 10
"""From here on numbers are written without a fraction."""
_POINTS: Final = {"p50": "#2f6db3", "p99": "#e08a1e", "p99.9": "#b3372f"}
_STYLE: Final = (
    "text{font:13px sans-serif;fill:#222}.t{font-weight:bold;font-size:15px}"
    ".n{fill:#666;font-size:12px}.g{stroke:#ddd}.w{stroke:#222;stroke-width:1.5}"
)


def plots(results: Results) -> dict[str, str]:
    """Return SVG text by file name."""
    found = {
        "throughput.svg": _bars(
            results,
            "records/s: more is better",
            lambda one: one.throughput.records_per_s,
        ),
        "cpu.svg": _bars(
            results,
            "CPU seconds per million records: less is better",
            lambda one: one.throughput.cpu_s_per_million,
        ),
    }
    for number, rate in enumerate(results.options.rates):
        found[f"latency-{rate}.svg"] = _dots(results, number, rate)
    return found


@dataclass(frozen=True, slots=True)
class _Scale:
    """Values to places across the drawing."""

    low: float
    high: float
    logarithmic: bool

    def x(self, value: float) -> float:
        low, high = self.low, self.high
        if self.logarithmic:
            low, high, value = math.log10(low), math.log10(high), math.log10(value)
        return _LEFT + (value - low) / (high - low) * (_WIDTH - _LEFT - _RIGHT)

    def ticks(self) -> list[float]:
        """Return round values for lines across the drawing."""
        if not self.logarithmic:
            step = 10 ** math.floor(math.log10(self.high))
            step = step if self.high / step >= _FEW else step / 5
            return [step * count for count in range(int(self.high / step) + 1)]
        first, last = math.log10(self.low), math.log10(self.high)
        return [10.0**power for power in range(math.ceil(first), math.floor(last) + 1)]


def _bars(results: Results, title: str, value: Callable[[EngineRun], float]) -> str:
    names = [name for name in results.options.engines if results.of(name)]
    values = {name: [value(one) for one in results.of(name)] for name in names}
    scale = _Scale(0.0, max(max(found) for found in values.values()), logarithmic=False)
    parts = _frame(names, title, scale)
    for row, name in enumerate(names):
        found = values[name]
        middle, y = scale.x(median(found)), _y(row)
        colour = _FULL if ENGINE_TABLE[name].work == "full" else _SMALL
        width = max(1.0, middle - _LEFT)
        parts.append(
            f'<rect x="{_LEFT}" y="{y - 8}" width="{width:.1f}" height="16" fill="{colour}"/>'
        )
        low, high = scale.x(min(found)), scale.x(max(found))
        parts.append(
            f'<line class="w" x1="{low:.1f}" x2="{high:.1f}" y1="{y}" y2="{y}"/>'
        )
        parts.append(
            f'<text class="n" x="{high + 6:.1f}" y="{y + 4}">{_number(median(found))}</text>'
        )
    return _svg(parts, len(names))


def _dots(results: Results, number: int, rate: int) -> str:
    names = [name for name in results.options.engines if results.of(name)]
    found = {name: _quantiles(results.of(name), number) for name in names}
    values = [value for points in found.values() for value in points.values()]
    low, high = (min(values), max(values)) if values else (1.0, 10.0)
    scale = _Scale(
        10.0 ** math.floor(math.log10(low)),
        10.0 ** math.ceil(math.log10(high) + 0.01),
        logarithmic=True,
    )
    parts = _frame(names, f"latency at {rate:,} requests a second, ms", scale)
    for row, name in enumerate(names):
        y = _y(row)
        if not found[name]:
            parts.append(
                f'<text class="n" x="{_LEFT + 6}" y="{y + 4}">no figure</text>'
            )
        parts += [
            f'<circle cx="{scale.x(value):.1f}" cy="{y}" r="5" fill="{_POINTS[point]}"/>'
            for point, value in found[name].items()
        ]
    for place, (point, colour) in enumerate(_POINTS.items()):
        x = _WIDTH - _RIGHT - 170 + place * 60
        parts.append(f'<circle cx="{x}" cy="17" r="5" fill="{colour}"/>')
        parts.append(f'<text class="n" x="{x + 8}" y="21">{point}</text>')
    return _svg(parts, len(names))


def _quantiles(runs: Sequence[EngineRun], number: int) -> dict[str, float]:
    """Return the medians of the rounds; empty when no round gave a figure."""
    delays = [one.latencies[number] for one in runs]
    by_point = {
        "p50": [one.p50_ms for one in delays],
        "p99": [one.p99_ms for one in delays],
        "p99.9": [one.p999_ms for one in delays],
    }
    found = {}
    for point, values in by_point.items():
        if known := [value for value in values if value is not None]:
            found[point] = median(known)
    return found


def _frame(names: Sequence[str], title: str, scale: _Scale) -> list[str]:
    bottom = _TOP + len(names) * _ROW
    parts = [f'<text class="t" x="10" y="22">{escape(title)}</text>']
    for tick in scale.ticks():
        x = scale.x(tick)
        parts.append(
            f'<line class="g" x1="{x:.1f}" x2="{x:.1f}" y1="{_TOP - 6}" y2="{bottom}"/>'
        )
        parts.append(
            f'<text class="n" x="{x:.1f}" y="{bottom + 16}" text-anchor="middle">'
            f"{_number(tick)}</text>"
        )
    for row, name in enumerate(names):
        kind = ENGINE_TABLE[name]
        label = escape(f"{kind.label} ({kind.work})")
        parts.append(
            f'<text x="{_LEFT - 8}" y="{_y(row) + 4}" text-anchor="end">{label}</text>'
        )
    return parts


def _y(row: int) -> int:
    return _TOP + row * _ROW + _ROW // 2


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= _WHOLE or value == int(value) else f"{value:.2g}"


def _svg(parts: Sequence[str], rows: int) -> str:
    height = _TOP + rows * _ROW + _BOTTOM
    body = "\n".join(parts)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" '
        f'width="{_WIDTH}" height="{height}">\n<style>{_STYLE}</style>\n'
        f'<rect width="100%" height="100%" fill="#fff"/>\n{body}\n</svg>\n'
    )
