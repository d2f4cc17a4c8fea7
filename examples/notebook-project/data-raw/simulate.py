"""Makes data/counts.csv: counts per minute of three samples that decay, above a background."""

import csv
from pathlib import Path

import numpy as np

HALF_LIVES = {"A": 2.6, "B": 9.8, "C": 20.4}  # minutes
BACKGROUND = 12.0
START = {"A": 9000.0, "B": 4200.0, "C": 2600.0}

random = np.random.default_rng(1896)
with (Path(__file__).parents[1] / "data" / "counts.csv").open("w", newline="") as file:
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(["sample", "minute", "counts"])
    for sample, half_life in HALF_LIVES.items():
        for minute in range(30):
            mean = START[sample] * 0.5 ** (minute / half_life) + BACKGROUND
            writer.writerow([sample, minute, random.poisson(mean)])
