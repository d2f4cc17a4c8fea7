"""How fast does it get warmer? The trend of a temperature series, by season.

Reads data/temperature.csv.gz; writes a table, a figure and a summary to results/.
"""

import json
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

SEASONS = {12: "winter", 1: "winter", 2: "winter", 3: "spring", 4: "spring", 5: "spring",
           6: "summer", 7: "summer", 8: "summer", 9: "autumn", 10: "autumn", 11: "autumn"}
RESAMPLES = 500
results = Path("results")
results.mkdir(exist_ok=True)


def design(dates):
    """Columns: constant, years since the start, two harmonics of the year."""
    years = (dates - dates.min()).dt.days.to_numpy() / 365.25
    angle = 2 * np.pi * dates.dt.dayofyear.to_numpy() / 365.25
    waves = [f(k * angle) for k in (1, 2) for f in (np.cos, np.sin)]
    return np.column_stack([np.ones_like(years), years, *waves])


def trend(values, columns):
    """Degrees per decade, by least squares."""
    coefficients, *_ = np.linalg.lstsq(columns, values, rcond=None)
    return 10 * coefficients[1]


def bootstrap(values, columns, years, generator):
    """Standard error of the trend: whole years of residuals are shuffled, as days are alike."""
    coefficients, *_ = np.linalg.lstsq(columns, values, rcond=None)
    fitted = columns @ coefficients
    residuals = values - fitted
    by_year = [residuals[years == year] for year in np.unique(years)]
    trends = []
    for _ in range(RESAMPLES):
        drawn = [by_year[i] for i in generator.integers(len(by_year), size=len(by_year))]
        drawn = np.resize(np.concatenate(drawn), len(values))
        trends.append(trend(fitted + drawn, columns))
    return float(np.std(trends, ddof=1))


def main():
    generator = np.random.default_rng(2024)
    series = pd.read_csv("data/temperature.csv.gz", parse_dates=["date"])
    missing = int(series["temperature"].isna().sum())
    series = series.dropna().reset_index(drop=True)
    columns = design(series["date"])
    values = series["temperature"].to_numpy()
    years = series["date"].dt.year.to_numpy()

    rows = []
    season = series["date"].dt.month.map(SEASONS)
    for name in ("all", "winter", "spring", "summer", "autumn"):
        chosen = np.ones(len(series), bool) if name == "all" else (season == name).to_numpy()
        part = columns[chosen]
        rows.append({
            "season": name,
            "days": int(chosen.sum()),
            "mean": values[chosen].mean(),
            "trend_per_decade": trend(values[chosen], part),
            "standard_error": bootstrap(values[chosen], part, years[chosen], generator),
        })
    table = pd.DataFrame(rows)
    table.to_csv(results / "table.csv", index=False, float_format="%.6f")

    overall = rows[0]
    summary = {
        "days": overall["days"],
        "missing": missing,
        "trend_per_decade": round(float(overall["trend_per_decade"]), 6),
        "standard_error": round(overall["standard_error"], 6),
    }
    (results / "summary.json").write_text(json.dumps(summary, indent=2) + "\n")

    yearly = series.groupby(series["date"].dt.year)["temperature"].mean()
    line = np.polyfit(yearly.index, yearly.to_numpy(), 1)
    figure, axes = plt.subplots(figsize=(7, 4), layout="constrained")
    axes.plot(yearly.index, yearly, "o-", markersize=3, label="yearly mean")
    axes.plot(yearly.index, np.polyval(line, yearly.index), label="linear trend")
    axes.set(xlabel="Year", ylabel="Temperature (°C)")
    axes.legend(frameon=False)
    figure.savefig(results / "figure.png", dpi=150)
    print(table.to_string(index=False))
    print(json.dumps(summary))


if __name__ == "__main__":
    main()
