"""Environments that could not be made: packages without a wheel for this Python, old setups, and
what compiling misses. Known by the error of the lock or build, which quotes the tool's own words.

setuptools: what its history says was removed (https://setuptools.pypa.io/en/latest/history.html).
Headers and libraries: found with Debian's package search, https://packages.debian.org.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from reprokit.diagnosing.installed import is_older, python_of
from reprokit.diagnosing.mend import Mend
from reprokit.diagnosing.pattern import Pattern
from reprokit.diagnosing.protocol import Failure
from reprokit.ecosystems.python.import_names import DISTRIBUTIONS
from reprokit.ecosystems.python.imports import STANDARD
from reprokit.ecosystems.python.names import normalised

_PHASES = ("lock", "build")
_OLD_SETUPS = (
    ("use_2to3 is invalid", "setuptools<58"),
    ("cannot import name 'Feature' from 'setuptools'|module 'setuptools' has no attribute "
     "'Feature'", "setuptools<46"),
    (r"No module named 'setuptools\.command\.test'|module 'setuptools\.command' has no attribute "
     "'test'|cannot import name 'test' from 'setuptools.command'", "setuptools<72"),
    ("No module named 'pkg_resources'", "setuptools<81"),
    (r"No module named 'setuptools\.extern'|cannot import name '\w+' from "
     "'setuptools.extern", "setuptools<71"),
    ("InvalidVersion: Invalid version: ", "setuptools<66"),
    ("Multiple top-level packages discovered in a flat-layout", "setuptools<61"),
    (r"No module named 'distutils\.msvccompiler'|no attribute 'install_layout'",
     "setuptools<60"),
    ("Invalid dash-separated key", "setuptools<78"),
    (r"Cython\.Compiler\.Errors\.CompileError|no attribute 'cython_sources'", "cython<3"),
)  # fmt: skip
"""What an old setup.py dies of, and what still builds it."""
_HEADERS = {
    "hdf5.h": "libhdf5-dev", "netcdf.h": "libnetcdf-dev", "fftw3.h": "libfftw3-dev",
    "ffi.h": "libffi-dev", "jpeglib.h": "libjpeg-dev", "png.h": "libpng-dev",
    "zlib.h": "zlib1g-dev", "geos_c.h": "libgeos-dev", "proj.h": "libproj-dev",
    "proj_api.h": "libproj-dev", "gdal.h": "libgdal-dev", "sqlite3.h": "libsqlite3-dev",
    "libpq-fe.h": "libpq-dev", "mysql.h": "default-libmysqlclient-dev",
    "ft2build.h": "libfreetype-dev", "cairo.h": "libcairo2-dev", "glpk.h": "libglpk-dev",
    "gmp.h": "libgmp-dev", "mpfr.h": "libmpfr-dev", "mpc.h": "libmpc-dev",
    "portaudio.h": "portaudio19-dev", "sndfile.h": "libsndfile1-dev",
    "cholmod.h": "libsuitesparse-dev", "umfpack.h": "libsuitesparse-dev",
    "cblas.h": "libopenblas-dev", "lapacke.h": "liblapacke-dev", "mpi.h": "libopenmpi-dev",
    "lzma.h": "liblzma-dev", "bzlib.h": "libbz2-dev", "ncurses.h": "libncurses-dev",
    "ldap.h": "libldap-dev", "lber.h": "libldap-dev", "snappy-c.h": "libsnappy-dev",
    "snappy.h": "libsnappy-dev", "event.h": "libevent-dev", "zmq.h": "libzmq3-dev",
    "sodium.h": "libsodium-dev", "yaml.h": "libyaml-dev", "expat.h": "libexpat1-dev",
    "tiffio.h": "libtiff-dev", "magic.h": "libmagic-dev", "pcap.h": "libpcap-dev",
    "udunits2.h": "libudunits2-dev", "archive.h": "libarchive-dev", "fitsio.h": "libcfitsio-dev",
    "nlopt.h": "libnlopt-dev", "usb.h": "libusb-dev", "uuid.h": "uuid-dev",
    "ieee754.h": "libc6-dev", "tcl.h": "tcl-dev", "tk.h": "tk-dev", "zip.h": "libzip-dev",
    "librdkafka.h": "librdkafka-dev", "rocksdb.h": "librocksdb-dev", "zstd.h": "libzstd-dev",
    "sasl.h": "libsasl2-dev", "portmidi.h": "libportmidi-dev", "jansson.h": "libjansson-dev",
}  # fmt: skip
_HEADER_FOLDERS = {
    "gsl": "libgsl-dev", "libxml": "libxml2-dev", "libxslt": "libxslt1-dev",
    "openssl": "libssl-dev", "curl": "libcurl4-openssl-dev", "boost": "libboost-dev",
    "Eigen": "libeigen3-dev", "spatialindex": "libspatialindex-dev", "igraph": "libigraph-dev",
    "graphviz": "libgraphviz-dev", "readline": "libreadline-dev", "sasl": "libsasl2-dev",
    "leveldb": "libleveldb-dev", "GL": "libgl-dev", "X11": "libx11-dev",
    "tesseract": "libtesseract-dev", "leptonica": "libleptonica-dev",
    "ImageMagick": "libmagick++-dev",
    "pango": "libpango1.0-dev", "cairo": "libcairo2-dev", "freetype": "libfreetype-dev",
    "poppler": "libpoppler-cpp-dev", "unicode": "libicu-dev", "suitesparse": "libsuitesparse-dev",
    "gdk-pixbuf": "libgdk-pixbuf-2.0-dev", "glib": "libglib2.0-dev", "CGAL": "libcgal-dev",
    "nlohmann": "nlohmann-json3-dev", "google": "libprotobuf-dev", "lapacke": "liblapacke-dev",
}  # fmt: skip
_LIBRARIES = {
    "blas": "libblas-dev", "lapack": "liblapack-dev", "openblas": "libopenblas-dev",
    "z": "zlib1g-dev", "xml2": "libxml2-dev", "gsl": "libgsl-dev", "gslcblas": "libgsl-dev",
    "hdf5": "libhdf5-dev", "netcdf": "libnetcdf-dev", "fftw3": "libfftw3-dev",
    "gmp": "libgmp-dev", "mpfr": "libmpfr-dev", "crypto": "libssl-dev", "ssl": "libssl-dev",
    "curl": "libcurl4-openssl-dev", "geos_c": "libgeos-dev", "proj": "libproj-dev",
    "gdal": "libgdal-dev", "ffi": "libffi-dev", "png": "libpng-dev", "jpeg": "libjpeg-dev",
    "tiff": "libtiff-dev", "GL": "libgl-dev", "X11": "libx11-dev", "glpk": "libglpk-dev",
    "boost_python3": "libboost-python-dev", "boost_system": "libboost-system-dev",
    "readline": "libreadline-dev", "lzma": "liblzma-dev", "bz2": "libbz2-dev",
    "sqlite3": "libsqlite3-dev", "pq": "libpq-dev", "udunits2": "libudunits2-dev",
}  # fmt: skip
_TOOLS = {
    "pg_config": "libpq-dev", "mysql_config": "default-libmysqlclient-dev",
    "gdal-config": "libgdal-dev", "geos-config": "libgeos-dev", "xml2-config": "libxml2-dev",
    "xslt-config": "libxslt1-dev", "gsl-config": "libgsl-dev", "nc-config": "libnetcdf-dev",
    "freetype-config": "libfreetype-dev", "curl-config": "libcurl4-openssl-dev",
    "swig": "swig", "cmake": "cmake", "CMake": "cmake", "gfortran": "gfortran", "bison": "bison",
    "flex": "flex", "cargo": "cargo", "rustc": "rustc", "autoconf": "autoconf",
    "automake": "automake", "libtool": "libtool", "gperf": "gperf", "git": "git",
    "pkg-config": "pkg-config", "protoc": "protobuf-compiler", "mpicc": "libopenmpi-dev",
    "ninja": "ninja-build", "make": "make", "g++": "g++", "gcc": "gcc", "patch": "patch",
}  # fmt: skip


def _older(match: re.Match[str], failure: Failure) -> Mapping[str, str] | None:
    """`first` and `second` are the older Pythons to try."""
    found = match.groupdict(default="")
    here = found["here"] or python_of(failure)
    if here is None or here.startswith("2."):
        return None
    steps = [f"<{below}" for below in ("3.12", "3.10", "3.8") if not is_older(here, below)]
    first, second, *_ = (*steps, "", "")
    return {
        "name": found["built"] or found["filed"] or found["unfit"],
        "here": here,
        "first": first,
        "second": second,
    }


def _other_python(match: re.Match[str], failure: Failure) -> Mapping[str, str]:
    return {"wanted": match["wanted"].rstrip(","), "here": match["here"]}


def _old_setup(match: re.Match[str], failure: Failure) -> Mapping[str, str]:
    position = next(i for i in range(len(_OLD_SETUPS)) if match[f"s{i}"] is not None)
    return {"wanted": _OLD_SETUPS[position][1], "said": match.group()}


def _build_module(match: re.Match[str], failure: Failure) -> Mapping[str, str] | None:
    module = match["module"].split(".", 1)[0]
    if module in STANDARD or module in ("setuptools", "pkg_resources"):
        return None
    return {"module": module, "name": normalised(DISTRIBUTIONS.get(module, module))}


def _header(match: re.Match[str], failure: Failure) -> Mapping[str, str] | None:
    path = match["header"]
    if path == "Python.h":
        return None
    *folders, name = path.split("/")
    by_folder = (_HEADER_FOLDERS[folder] for folder in folders if folder in _HEADER_FOLDERS)
    package = next(by_folder, None) or _HEADERS.get(name) or _HEADER_FOLDERS.get(name, "")
    return {"missing": f"the header {path}", "package": package, "hint": package or "its package"}


def _linked(match: re.Match[str], failure: Failure) -> Mapping[str, str]:
    package = _LIBRARIES.get(match["library"], "")
    missing = f"the library {match['library']}"
    return {"missing": missing, "package": package, "hint": package or "its -dev package"}


def _tool(match: re.Match[str], failure: Failure) -> Mapping[str, str] | None:
    name = next(filter(None, match.groups()))
    package = _TOOLS.get(name)
    if package is None or package in {p.name for p in failure.plan.system_packages}:
        return None
    return {"missing": f"the program {name}", "package": package, "hint": package}


def _compiler(match: re.Match[str], failure: Failure) -> Mapping[str, str] | None:
    """The packages by which a program compiles an extension of Python while it runs: all at once,
    as each would be missed after the other. The official images have Python's headers."""
    program = (match["program"] or match["failed"] or "gcc").rpartition("linux-gnu-")[2]
    package = _TOOLS.get(program)
    present = {p.name for p in failure.plan.system_packages}
    version = python_of(failure)
    if package is None or version is None or {package, "g++"} <= present:
        return None
    base = None if failure.lock is None else failure.lock.base.family
    headers = "python2-dev" if version.startswith("2.") else "python3-dev"
    return {
        "program": program,
        "package": package,
        "headers": headers if base in ("debian", "ubuntu") else "g++",
    }


_MISSING_TEXT = "building a package misses {missing}"
_MISSING_NEXT = "write {hint} into apt.txt, then try again"
_MISSING_MENDS = (Mend(settings={"system.packages": ("{package}",)}),)

DIAGNOSES = (
    # The first line names the step: what the script itself died of stands behind, and comes first.
    Pattern(
        "post-build",
        re.compile(
            r"the image could not be built: RUN .*chmod \+x /app/"
            r"(?P<script>(?:\.?binder/)?postBuild) "
        ),
        "{script} failed; a build has no network, so nothing can be downloaded there",
        "declare what it installs, put what it downloads into the project's data folder, or leave "
        "it out with `binder.post_build = false` in repro.toml",
        mends=(Mend(settings={"binder.post_build": False}),),
        phases=("build",),
    ),
    Pattern(
        "missing-compiler",
        re.compile(
            r"^(?:distutils\.errors\.\w+: |error: )?(?:command|unable to execute) "
            r"'(?P<program>[\w+-]+)'(?: failed)?: No such file"
            r"|error: command '(?P<failed>[\w+-]+)' failed with exit (?:status|code) \d+"
            r"|fatal error: Python\.h: No such file or directory"
        ),
        "the program compiles while it runs, and {program} is not installed",
        "write {package}, g++ and {headers} into apt.txt, then run again",
        _compiler,
        (Mend(settings={"system.packages": ("{package}", "g++", "{headers}")}),),
    ),
    Pattern(
        "no-wheel",
        re.compile(
            r"(?P<built>[\w.-]+) [\w.+-]* ?has no wheel for this Python and cannot be built from "
            r"source|(?P<filed>[\w.-]+) [\w.+-]+ has no file for Python"
            r"|no wheel of (?P<unfit>[\w.-]+)[^,\n]*(?:, [^\n]*)? is for Python "
            r"(?P<here>\d+\.\d+)"
        ),
        "{name} has no wheel for Python {here} and cannot be built for it",
        "ask for the Python that it was made for, `python.version` in repro.toml, or another "
        "version of it",
        _older,
        (
            Mend(settings={"python.version": "{first}"}),
            Mend(settings={"python.version": "{second}"}),
        ),
        _PHASES,
    ),
    Pattern(
        "other-python-wanted",
        re.compile(
            r"the (?:current|requested) Python version \((?:>=)?(?P<here>[\d.]+)\) does not "
            r"satisfy Python(?P<wanted>(?:[<>=!~]=?[\d.*]+,?)+)"
        ),
        "a package that the project asks for is not for Python {here} but {wanted}",
        'write `python.version = "{wanted}"` into repro.toml, or ask for another version of it',
        _other_python,
        (Mend(settings={"python.version": "{wanted}"}),),
        _PHASES,
    ),
    Pattern(
        "old-setup",
        re.compile("|".join(f"(?P<s{i}>{sign})" for i, (sign, _) in enumerate(_OLD_SETUPS))),
        "a package's setup is too old for what builds it ({said})",
        'write `python.build_requirements = ["{wanted}"]` into repro.toml',
        _old_setup,
        (Mend(settings={"python.build_requirements": ("{wanted}",)}),),
        _PHASES,
    ),
    Pattern(
        "missing-build-module",
        re.compile(
            r"(?:ModuleNotFoundError|ImportError): No module named '?(?P<module>[A-Za-z][\w.]*)'?"
        ),
        "building a package imports {module}, which it does not ask for",
        'write `python.build_requirements = ["{name}"]` into repro.toml',
        _build_module,
        (Mend(settings={"python.build_requirements": ("{name}",)}),),
        _PHASES,
    ),
    Pattern(
        "missing-header",
        re.compile(r"fatal error: (?P<header>[\w./+-]{1,200}): No such file or directory"),
        _MISSING_TEXT,
        _MISSING_NEXT,
        _header,
        _MISSING_MENDS,
        _PHASES,
    ),
    Pattern(
        "missing-linked-library",
        re.compile(r"cannot find -l(?P<library>[\w+.-]{1,100})"),
        _MISSING_TEXT,
        _MISSING_NEXT,
        _linked,
        _MISSING_MENDS,
        _PHASES,
    ),
    Pattern(
        "missing-build-program",
        re.compile(
            r"\b([\w+-]+)(?: executable)? (?:was |could )?not (?:be )?found\b"
            r"|\b([\w+-]+): (?:command )?not found"
            r"|No such file or directory: '([\w+-]+)'|(CMake) must be installed"
            r"|unable to execute '([\w+-]+)'|command '([\w+-]+)' failed: No such file"
        ),
        _MISSING_TEXT,
        _MISSING_NEXT,
        _tool,
        _MISSING_MENDS,
        _PHASES,
    ),
)
