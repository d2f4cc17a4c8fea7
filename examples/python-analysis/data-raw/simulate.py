"""How data/temperature.csv.gz was made. Not part of the experiment: its output is in the repository.

    python data-raw/simulate.py

Daily mean temperature in degrees Celsius of a station, 1991 to 2020:

    temperature = 9.2 + 0.035 * years + 9.5 * cos(2 pi (day - 200) / 365.25)
                  + weather

where weather follows w[t] = 0.7 w[t-1] + N(0, 2^2). About 1 day in 200 is missing.
"""

import gzip
from datetime import date, timedelta
from math import cos, pi
from random import Random

random = Random(19910101)
first, last = date(1991, 1, 1), date(2020, 12, 31)
rows, weather = ["date,temperature"], 0.0
for number in range((last - first).days + 1):
    day = first + timedelta(days=number)
    weather = 0.7 * weather + random.gauss(0, 2)
    season = 9.5 * cos(2 * pi * (day.timetuple().tm_yday - 200) / 365.25)
    value = 9.2 + 0.035 * number / 365.25 + season + weather
    rows.append(f"{day},{value:.1f}" if random.random() > 0.005 else f"{day},")
with open("data/temperature.csv.gz", "wb") as file:
    # Neither name nor time, so that the same data give the same file.
    with gzip.GzipFile(filename="", mode="wb", fileobj=file, mtime=0) as compressed:
        compressed.write(("\n".join(rows) + "\n").encode())
