"""How data/growth.csv was made. No part of the experiment: its output lies in data/.

    python data-raw/simulate.py

Optical density of a culture that doubles until it is crowded, with 4 % of noise.
"""

from math import exp
from random import Random

random = Random(20260101)
rates = {"glucose": 0.42, "maltose": 0.31, "ethanol": 0.18}
with open("data/growth.csv", "w", newline="\n") as file:
    file.write("hours,medium,density\n")
    for medium, rate in rates.items():
        for step in range(25):
            hours = step / 2
            density = 2.4 / (1 + (2.4 / 0.02 - 1) * exp(-rate * hours))
            file.write(f"{hours},{medium},{density * random.gauss(1, 0.04):.4f}\n")
