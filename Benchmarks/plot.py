"""Draws the results of the benchmarks, and puts the plots into the report.

usage: plot.py RESULTS.json FOLDER            FOLDER/benchmarks-*.svg
       plot.py --png RESULTS.json FOLDER      the same as PNG on white, to look at
       plot.py --page REPORT.md FOLDER PAGE.md   the report with the plots where it asks for them

The plots have no background and are drawn in colours that can be read on white and on black.
"""

import json
import os
import re
import statistics
import sys
from pathlib import Path

import matplotlib

matplotlib.use("svg")
from matplotlib import pyplot  # noqa: E402

TEXT = "#7d8590"
GRID = "#7d859044"
OURS = ["#2f81f7", "#58a6ff", "#8cc4ff", "#4c6fbf"]
OTHERS = "#a08b62"
REFERENCE = "#d29922"
LIBRARY = ["callback", "views", "sequence", "portable"]
PLOTS = {
    "efficiency": ("benchmarks-efficiency", "Messages echoed in the processor time of one of uWebSockets; more is better"),
    "fanout": ("benchmarks-fanout", "Deliveries in a second of the server's processor time; more is better"),
    "handshake": ("benchmarks-handshakes", "Opening handshakes in a second of the server's processor time; more is better"),
    "idle": ("benchmarks-idle", "Resident bytes of an idle connection; less is better"),
}


class Results:
    def __init__(self, path):
        content = json.loads(Path(path).read_text())
        self.names = {server["id"]: server["name"] for server in content["servers"]}
        self.reference = content["reference"]
        self.series = content["series"]
        self.idle = content["idle"]
        self.idle_connections = content.get("idleConnections")

    def of(self, measure):
        return [series for series in self.series if series["measure"] == measure]

    def color(self, server):
        if server == self.reference:
            return REFERENCE
        return OURS[LIBRARY.index(server)] if server in LIBRARY else OTHERS


def figure(width, height):
    pyplot.rcParams.update(
        {
            "font.family": "sans-serif",
            "font.sans-serif": ["Inter", "Helvetica", "Arial", "DejaVu Sans"],
            "font.size": 9,
            "svg.fonttype": "none",
            "svg.hashsalt": "benchmarks",
            "text.color": TEXT,
            "axes.labelcolor": TEXT,
            "axes.edgecolor": TEXT,
            "xtick.color": TEXT,
            "ytick.color": TEXT,
            "axes.spines.top": False,
            "axes.spines.right": False,
            "axes.spines.left": False,
        }
    )
    return pyplot.figure(figsize=(width, height))


def short(number):
    for limit, unit in [(1e6, " M"), (1e3, " k")]:
        if number >= limit:
            return f"{number / limit:.3g}{unit}"
    return f"{number:.0f}"


def bars(axes, rows, label, reference=None):
    """Horizontal bars from the top: (name, value, color)."""
    names, values, colors = zip(*rows)
    drawn = axes.barh(range(len(rows)), values, color=colors, height=0.72)
    axes.set_yticks(range(len(rows)), names)
    axes.invert_yaxis()
    axes.tick_params(axis="y", length=0)
    axes.bar_label(drawn, [label(value) for value in values], padding=3, color=TEXT, fontsize=8)
    axes.set_xlim(0, max(values) * 1.18)
    axes.set_xticks([])
    axes.spines["bottom"].set_visible(False)
    if reference is not None:
        axes.axvline(reference, color=REFERENCE, linewidth=1, alpha=0.5, zorder=0)


def efficiency(results):
    series = results.of("echo")
    if not series:
        return None
    columns = min(4, len(series))
    lines = -(-len(series) // columns)
    count = max(len(entry["rows"]) for entry in series)
    drawing = figure(3.1 * columns, (0.21 * count + 0.7) * lines)
    grid = drawing.subplots(lines, columns, squeeze=False)
    for axes in grid.flat:
        axes.set_visible(False)
    order = None
    for number, (axes, entry) in enumerate(zip(grid.flat, series)):
        axes.set_visible(True)
        order = order or [row["id"] for row in entry["rows"]]
        by_id = {row["id"]: row.get("efficiency") or 0 for row in entry["rows"]}
        rows = [(results.names[id], by_id.get(id, 0), results.color(id)) for id in order]
        bars(axes, rows, lambda value: f"{value:.2f}" if value else "", reference=1)
        if number % columns:
            axes.set_yticks([])
        axes.set_title(entry["title"], fontsize=9, color=TEXT)
    return drawing


def rates(results, measure):
    """What a second of the server's processor time is good for."""
    series = results.of(measure)
    if not series:
        return None
    count = max(len(entry["rows"]) for entry in series)
    drawing = figure(4.6 * len(series) + 1, 0.24 * count + 0.6)
    grid = drawing.subplots(1, len(series), squeeze=False)[0]
    for number, (axes, entry) in enumerate(zip(grid, series)):
        rows = []
        for row in entry["rows"]:
            costs = [sample["nanosecondsEach"] for sample in row["samples"] if sample]
            rate = 1e9 / statistics.median(costs) if costs else 0
            rows.append((results.names[row["id"]], rate, results.color(row["id"])))
        bars(axes, rows, short)
        if number:
            axes.set_yticks([])
        if len(series) > 1:
            axes.set_title(entry["title"], fontsize=9, color=TEXT)
    return drawing


def idle(results):
    rows = []
    for row in results.idle:
        values = [entry["afterHandshake"]["resident"] for entry in row["measurements"]]
        if values:
            rows.append((results.names[row["id"]], statistics.median(values), results.color(row["id"])))
    if not rows:
        return None
    drawing = figure(7, 0.24 * len(rows) + 0.4)
    bars(drawing.subplots(), sorted(rows, key=lambda row: row[1]), lambda value: f"{value:,.0f}")
    return drawing


def draw(path, folder, kind):
    results = Results(path)
    drawings = {
        "efficiency": efficiency(results),
        "fanout": rates(results, "fanout"),
        "handshake": rates(results, "handshake"),
        "idle": idle(results),
    }
    for name, drawing in drawings.items():
        if drawing is None:
            continue
        drawing.tight_layout()
        target = Path(folder) / f"{PLOTS[name][0]}.{kind}"
        # Without the date, the same results make the same file.
        options = {"metadata": {"Date": None}} if kind == "svg" else {"facecolor": "white", "dpi": 110}
        drawing.savefig(target, transparent=kind == "svg", **options)
        print(target)


def page(report, plots, target):
    folder = os.path.relpath(plots, Path(target).parent)

    def image(match):
        name, description = PLOTS[match[1]]
        if not (Path(plots) / f"{name}.svg").exists():
            return ""
        return f"![{description}]({folder}/{name}.svg)\n\n*{description}.*"

    text = re.sub(r"<!-- plot: (\w+) -->", image, Path(report).read_text())
    Path(target).write_text(text)


def main():
    arguments = sys.argv[1:]
    if len(arguments) == 4 and arguments[0] == "--page":
        page(arguments[1], arguments[2], arguments[3])
    elif len(arguments) == 3 and arguments[0] == "--png":
        draw(arguments[1], arguments[2], "png")
    elif len(arguments) == 2:
        draw(arguments[0], arguments[1], "svg")
    else:
        sys.exit(__doc__)


main()
