"""What the official images are called and hold: a table to review, with its sources.

Python and Java: every tag that the image makers ever asked Docker Hub to build, in the history of
https://github.com/docker-library/official-images (library/python, library/maven,
library/eclipse-temurin), read up to 2026-08. R: one Dockerfile a version in
https://github.com/rocker-org/rocker-versioned2 (R 3: rocker-versioned, on Debian releases whose
archives are closed), read up to 2026-06.
"""

from __future__ import annotations

from collections.abc import Mapping

DISTRIBUTIONS: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "bullseye": {"python": ("3.9",), "r": ("4.0.4",), "java": ("11", "17")},
    "bookworm": {"python": ("3.11",), "r": ("4.2.2",), "java": ("17",)},
    "trixie": {"python": ("3.13",), "r": ("4.5.0",), "java": ("21", "25")},
    "focal": {"python": ("3.8",), "r": ("3.6.3",), "java": ("8", "11", "17", "21")},
    "jammy": {"python": ("3.10",), "r": ("4.1.2",), "java": ("8", "11", "17", "21")},
    "noble": {"python": ("3.12",), "r": ("4.3.3",), "java": ("8", "11", "17", "21")},
    "closed": {},
}
"""Languages that each distribution's packages add to an image."""

DEBIAN_STABLE = (("bullseye", "2021-08-14"), ("bookworm", "2023-06-10"), ("trixie", "2025-08-09"))
"""Since when each Debian release, that a Python image may rest on, has been stable."""

PYTHON: Mapping[str, tuple[str, Mapping[str, tuple[int, int | None]]]] = {
    "3.6": ("2016-12-23", {"bullseye": (14, 15)}),
    "3.7": ("2018-06-27", {"bullseye": (11, 17), "bookworm": (17, 17)}),
    "3.8": ("2019-10-14", {"bullseye": (11, 20), "bookworm": (17, 20)}),
    "3.9": ("2020-10-05", {"bullseye": (6, 23), "bookworm": (17, 25), "trixie": (23, 25)}),
    "3.10": ("2021-10-04", {"bullseye": (0, 18), "bookworm": (12, None), "trixie": (18, None)}),
    "3.11": ("2022-10-24", {"bullseye": (0, 13), "bookworm": (4, None), "trixie": (13, None)}),
    "3.12": ("2023-10-02", {"bullseye": (0, 11), "bookworm": (0, None), "trixie": (11, None)}),
    "3.13": ("2024-10-07", {"bullseye": (0, 6), "bookworm": (0, None), "trixie": (6, None)}),
    "3.14": ("2025-10-07", {"bookworm": (0, None), "trixie": (0, None)}),
}
"""Series: day of release, and for each Debian release the first and last patch release that has a
slim image on it (`None`: more are to come)."""

R = {
    "3.5.0": ("2018-04-23", "closed"),
    "3.5.1": ("2018-07-02", "closed"),
    "3.5.2": ("2018-12-20", "closed"),
    "3.5.3": ("2019-03-11", "closed"),
    "3.6.0": ("2019-04-26", "closed"),
    "3.6.1": ("2019-07-05", "closed"),
    "3.6.2": ("2019-12-12", "closed"),
    "3.6.3": ("2020-02-29", "closed"),
    "4.0.0": ("2020-04-24", "focal"),
    "4.0.1": ("2020-06-06", "focal"),
    "4.0.2": ("2020-06-22", "focal"),
    "4.0.3": ("2020-10-10", "focal"),
    "4.0.4": ("2021-02-15", "focal"),
    "4.0.5": ("2021-03-31", "focal"),
    "4.1.0": ("2021-05-18", "focal"),
    "4.1.1": ("2021-08-10", "focal"),
    "4.1.2": ("2021-11-01", "focal"),
    "4.1.3": ("2022-03-10", "focal"),
    "4.2.0": ("2022-04-22", "focal"),
    "4.2.1": ("2022-06-23", "focal"),
    "4.2.2": ("2022-10-31", "jammy"),
    "4.2.3": ("2023-03-15", "jammy"),
    "4.3.0": ("2023-04-21", "jammy"),
    "4.3.1": ("2023-06-16", "jammy"),
    "4.3.2": ("2023-10-31", "jammy"),
    "4.3.3": ("2024-02-29", "jammy"),
    "4.4.0": ("2024-04-24", "jammy"),
    "4.4.1": ("2024-06-14", "jammy"),
    "4.4.2": ("2024-10-31", "noble"),
    "4.4.3": ("2025-02-28", "noble"),
    "4.5.0": ("2025-04-11", "noble"),
    "4.5.1": ("2025-06-13", "noble"),
    "4.5.2": ("2025-10-31", "noble"),
    "4.5.3": ("2026-03-11", "noble"),
    "4.6.0": ("2026-04-24", "noble"),
    "4.6.1": ("2026-06-24", "noble"),
}
"""Version: day of release, distribution of rocker/r-ver."""

JAVA = {
    "8": "2014-03-18",
    "11": "2018-09-25",
    "17": "2021-09-14",
    "21": "2023-09-19",
    "25": "2025-09-16",
}
"""Release with long-term support: day. All images used rest on Ubuntu noble."""
