"""Bars of medians with their spread: `python plot.py FILE.svg` reads {name: [least, median, most]}
as JSON from standard input. It runs in the peers' environment, which has matplotlib."""

import json
import sys

import matplotlib
from matplotlib import pyplot

pyplot.switch_backend("svg")
matplotlib.rcParams["svg.hashsalt"] = "mailup"  # equal figures give equal files

bars = json.load(sys.stdin)
names = list(bars)[::-1]
medians = [bars[name][1] for name in names]
spread = [
    [bars[name][1] - bars[name][0] for name in names],
    [bars[name][2] - bars[name][1] for name in names],
]
figure, axes = pyplot.subplots(figsize=(8, 0.5 * len(names) + 1.2))
axes.barh(names, medians, xerr=spread, color="#3b6ea5", ecolor="#222222", capsize=3)
axes.bar_label(axes.containers[-1], fmt="%.1f s", padding=8)
axes.set_xlabel("seconds of work for 1 million contacts, from SFTP to the counter")
axes.margins(x=0.15)
axes.spines[["top", "right"]].set_visible(False)
figure.tight_layout()
figure.savefig(sys.argv[1], metadata={"Date": None})
