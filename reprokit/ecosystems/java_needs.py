"""Debian packages that Java libraries need beyond what their jars carry.

"group:artifact" -> packages; Scala's suffixes (_2.12) are left out of the artifact. "a|b" is the
first that the distribution has; tests/test_system_needs.py finds every name in the package lists of
bullseye, bookworm and trixie. "readelf" marks what `readelf -d` said of the native library in the
jar of that version, as Maven Central has it. Not here: JavaFX and JOGL, which need a display;
com.github.fommil.netlib, which falls back to Java (it asks for a libgfortran that no suite has).
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from reprokit import needs
from reprokit.model import LockedPackage, Reason, Requirement, SystemPackage
from reprokit.resolving import Catalogue, Resolver

NEEDS: dict[str, tuple[str, ...]] = {
    # readelf, xgboost4j_2.12 1.7.6: libgomp.so.1
    "ml.dmlc:xgboost4j": ("libgomp1",),
    "ml.dmlc:xgboost4j-spark": ("libgomp1",),
    # readelf, lightgbmlib 3.3.510: libgomp.so.1
    "com.microsoft.ml.lightgbm:lightgbmlib": ("libgomp1",),
    "com.microsoft.azure:synapseml-lightgbm": ("libgomp1",),
    # readelf, jblas 1.2.5: libgfortran.so.5
    "org.jblas:jblas": ("libgfortran5",),
    # readelf, opencv 4.9.0-1.5.10, libopencv_highgui: libgtk-x11-2.0.so.0
    "org.bytedeco:opencv": ("libgtk2.0-0|libgtk2.0-0t64",),
    "org.bytedeco:opencv-platform": ("libgtk2.0-0|libgtk2.0-0t64",),
    "org.bytedeco:javacv-platform": ("libgtk2.0-0|libgtk2.0-0t64",),
    # https://tess4j.sourceforge.net/ (on Linux it loads the system's libtesseract)
    "net.sourceforge.tess4j:tess4j": ("tesseract-ocr",),
    # https://github.com/nidi3/graphviz-java#how-it-works (runs `dot` where there is one)
    "guru.nidi:graphviz-java": ("graphviz",),
    # https://github.com/jbytecode/rcaller (runs `Rscript`)
    "com.github.jbytecode:RCaller": ("r-base-core",),
}

DRAWING = ("libfontconfig1", "libfreetype6", "libharfbuzz0b")
"""What java.awt loads when it draws text, as JFreeChart does without a display. The JREs of
bullseye and bookworm depend on them, those of trixie (21, 25) only recommend them. fontconfig
brings a font. Temurin's images have them."""

_SCALA = re.compile(r"_[23](?:\.[0-9]+)?")


def known(requirements: Iterable[Requirement], catalogue: Catalogue) -> tuple[SystemPackage, ...]:
    """What these libraries are known to need, by the table and by plugins."""
    table = dict(NEEDS)
    for name, more in needs.added("java", _plain).items():
        table[name] = (*table.get(name, ()), *more)
    return needs.needed(
        (Requirement(name=_plain(asked.name), reason=asked.reason) for asked in requirements),
        table,
        catalogue,
    )


def ask_for_needs(packages: Iterable[LockedPackage], resolver: Resolver) -> None:
    """The same for what only resolving found. Raises NeedsSystemPackages."""
    because = Reason(text="another library needs it")
    found = [Requirement(name=package.name, reason=because) for package in packages]
    needs.ask_for(known(found, resolver.catalogue), resolver)


def _plain(name: str) -> str:
    group, _, artifact = name.partition(":")
    return f"{group}:{_SCALA.sub('', artifact)}"
