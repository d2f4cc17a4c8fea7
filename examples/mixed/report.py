"""Draws the measured rates with the fitted curve, and says whether the fit found the truth."""

import json
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

RESULTS = Path("results")
TRUTH = {"vmax": 2.0, "km": 5.0}  # what Assay.java put in

measurements = pd.read_csv(RESULTS / "measurements.csv")
parameters = pd.read_csv(RESULTS / "parameters.csv").set_index("parameter")
vmax, km = parameters.loc[["vmax", "km"], "estimate"]

substrate = np.geomspace(0.4, 80, 200)
figure, axes = plt.subplots(figsize=(6, 4), layout="constrained")
axes.plot(measurements["substrate"], measurements["rate"], "o", alpha=0.6, label="simulated (Java)")
axes.plot(substrate, vmax * substrate / (km + substrate), "k-", label="fitted (R)")
axes.axhline(vmax, color="grey", linestyle=":", linewidth=1)
axes.set_xscale("log")
axes.set_xlabel("substrate (mmol/l)")
axes.set_ylabel("rate (mmol/l/min)")
axes.legend()
figure.savefig(RESULTS / "kinetics.png", dpi=120, metadata={"Software": None})

summary = {
    name: {
        "truth": truth,
        "estimate": float(parameters.loc[name, "estimate"]),
        "found": bool(parameters.loc[name, "lower"] <= truth <= parameters.loc[name, "upper"]),
    }
    for name, truth in TRUTH.items()
}
(RESULTS / "summary.json").write_text(json.dumps(summary, indent=2) + "\n", encoding="utf-8")
print(pd.DataFrame(summary).T.to_string())
