"""Import names that differ from the name of the distribution on PyPI.

Written by hand from what the projects' own documentation says to install; not checked entry by
entry against PyPI. pipreqs keeps a longer list of the same kind
(https://github.com/bndr/pipreqs/blob/master/pipreqs/mapping). An import that is not listed is
taken to be its own distribution's name.
"""

from __future__ import annotations

DISTRIBUTIONS = {
    "allel": "scikit-allel", "apiclient": "google-api-python-client", "attr": "attrs",
    "bio": "biopython", "Bio": "biopython", "bs4": "beautifulsoup4", "cairo": "pycairo",
    "community": "python-louvain", "Crypto": "pycryptodome",
    "Cryptodome": "pycryptodomex", "cupy": "cupy-cuda12x", "cv2": "opencv-python-headless",
    "dateutil": "python-dateutil", "discord": "discord.py", "dns": "dnspython",
    "docx": "python-docx", "dotenv": "python-dotenv", "faiss": "faiss-cpu",
    "ffmpeg": "ffmpeg-python", "fitz": "pymupdf", "gi": "pygobject", "git": "gitpython",
    "github": "pygithub", "google.protobuf": "protobuf",
    "googleapiclient": "google-api-python-client", "hydra": "hydra-core", "Image": "pillow",
    "imblearn": "imbalanced-learn", "jose": "python-jose", "jwt": "pyjwt",
    "kafka": "kafka-python", "ldap": "python-ldap", "libsbml": "python-libsbml",
    "lightning_fabric": "lightning", "magic": "python-magic", "MeCab": "mecab-python3",
    "mpl_toolkits": "matplotlib", "MySQLdb": "mysqlclient", "nacl": "pynacl", "netCDF": "netcdf4",
    "odf": "odfpy", "ogr": "gdal", "openbabel": "openbabel-wheel", "OpenGL": "pyopengl",
    "OpenSSL": "pyopenssl", "osgeo": "gdal", "patoolib": "patool", "PIL": "pillow",
    "pkg_resources": "setuptools", "playhouse": "peewee", "pptx": "python-pptx",
    "psycopg2": "psycopg2-binary", "pwiz": "peewee", "pyart": "arm-pyart", "pylab": "matplotlib",
    "pyrosetta": "pyrosetta-installer", "pysat": "python-sat", "pywt": "pywavelets",
    "pyximport": "cython", "rest_framework": "djangorestframework", "roadrunner": "libroadrunner",
    "ruamel": "ruamel.yaml", "sage": "sagemath-standard", "serial": "pyserial",
    "shapefile": "pyshp", "skbio": "scikit-bio", "skfuzzy": "scikit-fuzzy",
    "skimage": "scikit-image", "sklearn": "scikit-learn", "skmultilearn": "scikit-multilearn",
    "skopt": "scikit-optimize", "sksparse": "scikit-sparse", "sksurv": "scikit-survival",
    "slugify": "python-slugify", "snappy": "python-snappy", "socks": "pysocks",
    "speech_recognition": "speechrecognition", "talib": "ta-lib",
    "telegram": "python-telegram-bot", "tlz": "toolz", "umap": "umap-learn", "usb": "pyusb",
    "vtkmodules": "vtk", "websocket": "websocket-client", "wx": "wxpython", "yaml": "pyyaml",
    "z3": "z3-solver", "zmq": "pyzmq",
}  # fmt: skip
"""Import (dotted where several distributions share a namespace) -> distribution.

cv2 is the headless build of OpenCV: a container has no display, and the other one needs libgl1.
psycopg2 is psycopg2-binary: the other one has no wheels.
"""

NAMESPACES = frozenset({"google", "azure", "ruamel", "zope", "sphinxcontrib", "backports"})
"""Imports that are shared by many distributions: only the dotted name tells which."""
