"""A bar chart as SVG: a panel for each workload, a bar for each target."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import Any, Final

from benchmarks.workloads import WORKLOADS

_WIDTH: Final = 960
_COLUMNS: Final = 3
_PANEL: Final = _WIDTH // _COLUMNS
_BAR: Final = 15
_LABELS: Final = 132
_NUMBERS: Final = 58
_HEAD: Final = 44
_COLOURS: Final = {
    "esdb": "#1f6fb2",
    "esdb-row": "#6ea6d2",
    "esdb-unannounced": "#6ea6d2",
    "raw": "#777777",
    "raw-same": "#aaaaaa",
}
_PEER: Final = "#d9a441"


def bar_chart(results: Mapping[str, Any]) -> str:
    """Draw the medians of the number of clients nearest to 16; each panel has its own scale."""
    wanted = [workload.key for workload in WORKLOADS if not workload.half_load]
    panels = [panel for key in wanted if (panel := _rows(results, key))]
    longest = max((len(rows) for _, rows in panels), default=0)
    height = _HEAD + longest * _BAR + 12
    total = -(-len(panels) // _COLUMNS) * height
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {total}">',
        "<style>text { font: 10px sans-serif }</style>",
        f'<rect width="{_WIDTH}" height="{total}" fill="#ffffff"/>',
    ]
    for number, (title, rows) in enumerate(panels):
        x, y = number % _COLUMNS * _PANEL, number // _COLUMNS * height
        parts.append(f'<g transform="translate({x},{y})">{_panel(title, rows)}</g>')
    return "\n".join([*parts, "</svg>"]) + "\n"


def _rows(results: Mapping[str, Any], key: str) -> tuple[str, list[tuple[str, float]]] | None:
    rows = [row for row in results["workloads"] if row["workload"] == key]
    if not rows:
        return None
    clients = min({row["clients"] for row in rows}, key=lambda count: abs(count - 16))
    title = next(workload.title for workload in WORKLOADS if workload.key == key)
    chosen = [(row["target"], row["events_per_second"]["median"]) for row in rows if row["clients"] == clients]
    return f"{key}: {title} ({clients})", chosen


def _panel(title: str, rows: list[tuple[str, float]]) -> str:
    highest = max(rate for _, rate in rows)
    room = _PANEL - _LABELS - _NUMBERS
    parts = [f'<text x="8" y="20" style="font-weight: bold">{escape(title)}</text>']
    for number, (name, rate) in enumerate(rows):
        y = _HEAD - 14 + number * _BAR
        width = max(rate / highest * room, 1)
        parts.append(
            f'<text x="{_LABELS - 4}" y="{y + 10}" text-anchor="end">{escape(name)}</text>'
            f'<rect x="{_LABELS}" y="{y + 1}" width="{width:.1f}" height="{_BAR - 4}"'
            f' fill="{_COLOURS.get(name, _PEER)}"/>'
            f'<text x="{_LABELS + width + 4:.1f}" y="{y + 10}">{rate:,.0f}</text>'
        )
    return "".join(parts)
