"""How fast does yeast grow? Reads data/growth.csv; writes a table and a figure to results/."""

from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

CROWDED = 0.2  # above this optical density growth slows down
RESAMPLES = 500
random = np.random.default_rng(1)
results = Path("results")
results.mkdir(exist_ok=True)

growth = pd.read_csv("data/growth.csv")
early = growth[growth["density"] < CROWDED]

rows = []
for medium, part in early.groupby("medium"):
    hours, logarithm = part["hours"].to_numpy(), np.log(part["density"].to_numpy())
    drawn = random.integers(len(part), size=(RESAMPLES, len(part)))
    rates = [np.polyfit(hours[i], logarithm[i], 1)[0] for i in drawn]
    rate, start = np.polyfit(hours, logarithm, 1)
    rows.append({"medium": medium, "rate": rate, "error": np.std(rates, ddof=1), "start": start})
table = pd.DataFrame(rows).sort_values("rate", ascending=False)
table.drop(columns="start").to_csv(results / "rates.csv", index=False, float_format="%.4f")

figure, axes = plt.subplots(figsize=(6, 4), layout="constrained")
for row in table.itertuples():
    part = growth[growth["medium"] == row.medium]
    (points,) = axes.semilogy(part["hours"], part["density"], ".", label=row.medium)
    hours = early.loc[early["medium"] == row.medium, "hours"]
    axes.semilogy(hours, np.exp(row.start + row.rate * hours), color=points.get_color())
axes.set(xlabel="Time (h)", ylabel="Optical density at 600 nm")
axes.legend(frameon=False)
figure.savefig(results / "growth.png", dpi=150)

print(table[["medium", "rate", "error"]].to_string(index=False, float_format="%.4f"))
