"""Draw the published benchmark.

python benchmarks/published_plot.py RESULTS.json PLOT.png
"""

import json
import statistics
import sys
from pathlib import Path
from typing import Any

TITLES = {
    "cpu": "CPU-bound: products over four ranges",
    "io": "IO-bound: 20 GETs, answered after 50 ms",
}
COLORS = {"cold": "#9ecae1", "warm": "#08519c"}


def draw(document: dict[str, Any], path: Path) -> None:
    """Two panels of bars, cold and warm; shorter is better."""
    import matplotlib

    matplotlib.use("agg")
    from matplotlib import pyplot

    figure, panels = pyplot.subplots(1, 2, figsize=(12, 4.5), layout="constrained")
    for panel, (work, title) in zip(panels, TITLES.items(), strict=True):
        rows = [row for row in document["rows"] if row["work"] == work and row["reason"] is None]
        rows.reverse()
        for offset, kind in ((0.2, "cold"), (-0.2, "warm")):
            values = [1000 * statistics.median(row[kind]) for row in rows]
            places = [place + offset for place in range(len(rows))]
            bars = panel.barh(places, values, 0.38, label=kind, color=COLORS[kind])
            panel.bar_label(bars, fmt="%.0f", padding=3, fontsize=8)
        panel.set_yticks(range(len(rows)), [row["way"] for row in rows])
        panel.set_title(title)
        panel.set_xlabel("milliseconds, shorter is better")
        panel.margins(x=0.12)
        panel.legend(loc="lower right")
    facts = document["machine"]
    figure.suptitle(
        f"{facts['python']}, {facts['cores']} cores, atoll {facts['atoll']}", fontsize=9
    )
    figure.savefig(path, dpi=150)


if __name__ == "__main__":
    draw(json.loads(Path(sys.argv[1]).read_text()), Path(sys.argv[2]))
