"""How fast does a culture grow? Reads settings.yaml; writes a table, a figure and the rate.

Nothing but PyYAML is needed, so that a test of the notebook builds it in seconds. `pause` (seconds)
makes a resample as slow as those of real experiments; a file results/enough ends it early.
"""

import json
import math
import random
import time
from pathlib import Path

import yaml

DAYS = range(25)
settings = yaml.safe_load(Path("settings.yaml").read_text())
generator = random.Random(settings["seed"])
results = Path("results")
results.mkdir(exist_ok=True)


def density(day: float, rate: float) -> float:
    """Share of what the dish can hold, grown from 2 %."""
    return 1 / (1 + 49 * math.exp(-rate * day))


def fit(points: list[tuple[int, float]]) -> float:
    """The rate, by least squares on the logits of what is neither near 0 nor near 1."""
    grown = [
        (day, math.log(49 * share / (1 - share))) for day, share in points if 0.05 < share < 0.95
    ]
    return sum(day * logit for day, logit in grown) / sum(day * day for day, _ in grown)


def draw(points: list[tuple[int, float]], rate: float) -> str:
    """The figure: what was measured, and the curve of that rate."""
    curve = " ".join(
        f"{50 + 20 * t / 2:.1f},{250 - 220 * density(t / 2, rate):.1f}" for t in range(49)
    )
    dots = "".join(
        f'<circle cx="{50 + 20 * d}" cy="{250 - 220 * s:.1f}" r="3.5"/>' for d, s in points
    )
    ticks = "".join(f'<text x="{50 + 20 * d}" y="268">{d}</text>' for d in DAYS[::6])
    heights = "".join(f'<text x="30" y="{254 - 220 * h:.0f}">{h}</text>' for h in (0, 0.5, 1))
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 560 300" width="560" height="300" '
        'font-family="sans-serif" font-size="13" text-anchor="middle">'
        f'<path d="M50 20V250H540" fill="none" stroke="black"/>{ticks}{heights}'
        f'<polyline points="{curve}" fill="none" stroke="#1f77b4" stroke-width="2"/>'
        f'<g fill="#d95f02">{dots}</g><text x="290" y="292">day</text>'
        f'<text x="440" y="200">rate {rate:.3f} a day</text></svg>\n'
    )


measured = [
    (day, min(max(density(day, settings["rate"]) + generator.gauss(0, 0.02), 0.005), 0.995))
    for day in DAYS
]
rows = "".join(f"{day},{share:.4f}\n" for day, share in measured)
(results / "table.csv").write_text(f"day,density\n{rows}")
(results / "growth.svg").write_text(draw(measured, fit(measured)))
rates = []
for number in range(1, settings["resamples"] + 1):
    rates.append(fit(generator.choices(measured, k=len(measured))))
    print(f"resample {number} of {settings['resamples']}: rate {rates[-1]:.3f}", flush=True)
    time.sleep(settings["pause"])
    if (results / "enough").exists():
        break
mean = sum(rates) / len(rates)
error = math.sqrt(sum((rate - mean) ** 2 for rate in rates) / (len(rates) - 1))
(results / "rate.json").write_text(
    json.dumps({"rate": round(mean, 4), "error": round(error, 4)}) + "\n"
)
