"""Debian packages that distributions need at run time beyond what their wheels carry.

Names as in Debian bookworm (all were found in its package list); where a suite lacks one
(libglib2.0-0 became libglib2.0-0t64 in trixie) an alternative is taken. Written by hand; the links
name the page of the project that should document the need.
"""

from __future__ import annotations

NEEDS: dict[str, tuple[str, ...]] = {
    # https://github.com/opencv/opencv-python#frequently-asked-questions (ImportError: libGL.so.1)
    "opencv-python": ("libgl1", "libglib2.0-0"),
    "opencv-contrib-python": ("libgl1", "libglib2.0-0"),
    # Older headless builds link libgthread-2.0.
    "opencv-python-headless": ("libglib2.0-0",),
    "opencv-contrib-python-headless": ("libglib2.0-0",),
    # https://www.psycopg.org/docs/install.html (built from source: needs libpq)
    "psycopg2": ("libpq5",),
    "psycopg": ("libpq5",),
    # https://graphviz.readthedocs.io/en/stable/manual.html#installation (runs `dot`)
    "graphviz": ("graphviz",),
    "pydot": ("graphviz",),
    "pydotplus": ("graphviz",),
    "pygraphviz": ("graphviz", "libgraphviz-dev"),
    # https://doc.courtbouillon.org/weasyprint/stable/first_steps.html#debian
    "weasyprint": ("libpango-1.0-0", "libpangoft2-1.0-0", "libharfbuzz-subset0"),
    # https://cairosvg.org/documentation/#installation
    "cairosvg": ("libcairo2",),
    "cairocffi": ("libcairo2",),
    "pycairo": ("libcairo2",),
    # https://people.csail.mit.edu/hubert/pyaudio/
    "pyaudio": ("libportaudio2",),
    # https://python-sounddevice.readthedocs.io/en/latest/installation.html
    "sounddevice": ("libportaudio2",),
    # https://pypi.org/project/pytesseract/ (runs `tesseract`)
    "pytesseract": ("tesseract-ocr",),
    # https://pypi.org/project/pdf2image/ (runs `pdftoppm`)
    "pdf2image": ("poppler-utils",),
    # https://github.com/jiaaro/pydub#dependencies (runs `ffmpeg`)
    "pydub": ("ffmpeg",),
    "ffmpeg-python": ("ffmpeg",),
    # https://pypi.org/project/python-magic/
    "python-magic": ("libmagic1",),
    # https://pypi.org/project/pyzbar/
    "pyzbar": ("libzbar0",),
    # https://gitpython.readthedocs.io/en/stable/intro.html (runs `git`)
    "gitpython": ("git",),
    # https://pypi.org/project/pypandoc/ (runs `pandoc`)
    "pypandoc": ("pandoc",),
    # https://docs.wand-py.org/en/latest/guide/install.html
    "wand": ("libmagickwand-6.q16-6",),
    # https://mpi4py.readthedocs.io/en/stable/install.html
    "mpi4py": ("openmpi-bin", "libopenmpi3"),
    # https://xgboost.readthedocs.io/en/stable/install.html and
    # https://github.com/microsoft/LightGBM/tree/master/python-package (libgomp.so.1)
    "lightgbm": ("libgomp1",),
    # https://docs.pyvista.org/getting-started/installation.html (libGL, libXrender)
    "vtk": ("libgl1", "libxrender1"),
    "pyvista": ("libgl1", "libxrender1"),
    "mayavi": ("libgl1", "libxrender1"),
    # https://doc.qt.io/qt-5/linux-requirements.html
    "pyqt5": ("libgl1", "libglib2.0-0", "libdbus-1-3", "libxkbcommon0"),
    # https://open3d.org/docs/release/docker.html
    "open3d": ("libgl1", "libgomp1", "libx11-6"),
    # https://www.rdkit.org: rdMolDraw2D's wheels link X11's rendering library
    "rdkit": ("libxrender1", "libxext6", "libexpat1"),
    # https://rpy2.github.io/doc/latest/html/overview.html#installation
    "rpy2": ("r-base-core",),
    # https://gmsh.info (the wheel's libgmsh.so links OpenGL and X11)
    "gmsh": ("libglu1-mesa", "libxcursor1", "libxft2", "libxinerama1"),
    # https://pymupdf.readthedocs.io: nothing; https://lxml.de/installation.html: nothing (wheels)
}

ALTERNATIVES = {
    # The 64-bit time_t transition of trixie: https://wiki.debian.org/ReleaseGoals/64bit-time
    "libglib2.0-0": ("libglib2.0-0t64",),
    "libmagic1": ("libmagic1t64",),
    "libportaudio2": ("libportaudio2t64",),
    "libopenmpi3": ("libopenmpi3t64", "libopenmpi40"),
    "libmagickwand-6.q16-6": ("libmagickwand-7.q16-10",),
}
