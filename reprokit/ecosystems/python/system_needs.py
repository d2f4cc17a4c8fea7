"""Debian packages that distributions need at run time beyond what their wheels carry.

"a|b" is the first of them that the suite has: trixie renamed libraries for its 64-bit time_t
(https://wiki.debian.org/ReleaseGoals/64bit-time). tests/test_system_needs.py finds every name in
the package lists of bullseye, bookworm and trixie. Written by hand; the links name the page of the
project that documents the need.
"""

from __future__ import annotations

NEEDS: dict[str, tuple[str, ...]] = {
    # https://github.com/opencv/opencv-python#frequently-asked-questions (ImportError: libGL.so.1)
    "opencv-python": ("libgl1", "libglib2.0-0|libglib2.0-0t64"),
    "opencv-contrib-python": ("libgl1", "libglib2.0-0|libglib2.0-0t64"),
    # Older headless builds link libgthread-2.0.
    "opencv-python-headless": ("libglib2.0-0|libglib2.0-0t64",),
    "opencv-contrib-python-headless": ("libglib2.0-0|libglib2.0-0t64",),
    # https://www.psycopg.org/docs/install.html (built from source: needs libpq)
    "psycopg2": ("libpq5", "libpq-dev"),
    "psycopg": ("libpq5",),
    # https://graphviz.readthedocs.io/en/stable/manual.html#installation (runs `dot`)
    "graphviz": ("graphviz",),
    "pydot": ("graphviz",),
    "pydotplus": ("graphviz",),
    "pygraphviz": ("graphviz", "libgraphviz-dev"),
    # https://doc.courtbouillon.org/weasyprint/stable/first_steps.html#debian
    "weasyprint": ("libpango-1.0-0", "libpangoft2-1.0-0", "libharfbuzz-subset0|libharfbuzz0b"),
    # https://cairosvg.org/documentation/#installation
    "cairosvg": ("libcairo2",),
    "cairocffi": ("libcairo2",),
    "pycairo": ("libcairo2",),
    # https://people.csail.mit.edu/hubert/pyaudio/
    "pyaudio": ("libportaudio2|libportaudio2t64",),
    # https://python-sounddevice.readthedocs.io/en/latest/installation.html
    "sounddevice": ("libportaudio2|libportaudio2t64",),
    # https://pypi.org/project/pytesseract/ (runs `tesseract`)
    "pytesseract": ("tesseract-ocr",),
    # https://pypi.org/project/pdf2image/ (runs `pdftoppm`)
    "pdf2image": ("poppler-utils",),
    # https://github.com/jiaaro/pydub#dependencies (runs `ffmpeg`)
    "pydub": ("ffmpeg",),
    "ffmpeg-python": ("ffmpeg",),
    # https://pypi.org/project/python-magic/
    "python-magic": ("libmagic1|libmagic1t64",),
    # https://pypi.org/project/pyzbar/
    "pyzbar": ("libzbar0|libzbar0t64",),
    # https://gitpython.readthedocs.io/en/stable/intro.html (runs `git`)
    "gitpython": ("git",),
    # https://pypi.org/project/pypandoc/ (runs `pandoc`)
    "pypandoc": ("pandoc",),
    # https://docs.wand-py.org/en/latest/guide/install.html
    "wand": ("libmagickwand-6.q16-6|libmagickwand-7.q16-10",),
    # https://mpi4py.readthedocs.io/en/stable/install.html
    "mpi4py": ("openmpi-bin", "libopenmpi3|libopenmpi40"),
    # https://github.com/microsoft/LightGBM/tree/master/python-package (the wheel of 4.7 links
    # libgomp.so.1: readelf -d; that of xgboost carries it)
    "lightgbm": ("libgomp1",),
    # https://docs.pyvista.org/getting-started/installation.html (libGL, libXrender)
    "vtk": ("libgl1", "libxrender1"),
    "pyvista": ("libgl1", "libxrender1"),
    "mayavi": ("libgl1", "libxrender1"),
    # https://doc.qt.io/qt-5/linux-requirements.html
    "pyqt5": ("libgl1", "libglib2.0-0|libglib2.0-0t64", "libdbus-1-3", "libxkbcommon0"),
    # https://open3d.org/docs/release/docker.html
    "open3d": ("libgl1", "libgomp1", "libx11-6"),
    # https://www.rdkit.org (the cairo and fontconfig in the wheel of 2026.9 link these: readelf -d)
    "rdkit": ("libxrender1", "libxext6", "libexpat1"),
    # https://rpy2.github.io/doc/latest/html/overview.html#installation
    "rpy2": ("r-base-core",),
    # https://gmsh.info (the wheel's libgmsh.so of 4.15 links OpenGL, X11 and OpenMP: readelf -d)
    "gmsh": ("libgl1", "libgomp1", "libglu1-mesa", "libxcursor1", "libxft2", "libxinerama1"),
    # https://pymupdf.readthedocs.io: nothing; https://lxml.de/installation.html: nothing (wheels)
}
