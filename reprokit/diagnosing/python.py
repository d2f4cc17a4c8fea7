"""Failures of Python programs, known by the last line of their traceback: modules that are not
there, texts, data that packages download, settings of the environment."""

from __future__ import annotations

import re
from collections.abc import Mapping

from reprokit.diagnosing.installed import distributions
from reprokit.diagnosing.mend import Mend
from reprokit.diagnosing.pattern import Pattern
from reprokit.diagnosing.protocol import Failure
from reprokit.diagnosing.python_removed import wanted_for
from reprokit.diagnosing.python_versions import GONE_MODULES, NEW_MODULES, PYTHON_2_MODULES
from reprokit.ecosystems.python.import_names import DISTRIBUTIONS
from reprokit.ecosystems.python.imports import PLATFORMS, STANDARD
from reprokit.ecosystems.python.names import DISTRIBUTION, normalised

# Parts of Python that Debian has as packages of their own: https://packages.debian.org/python3-tk
_PARTS = {
    "tkinter": "python3-tk", "_tkinter": "python3-tk", "Tkinter": "python-tk",
    "distutils": "python3-distutils", "lib2to3": "python3-lib2to3", "gi": "python3-gi",
    "dbm.gnu": "python3-gdbm", "_gdbm": "python3-gdbm",
}  # fmt: skip
_OPTIONAL = {
    "openpyxl": "openpyxl", "xlrd": "xlrd", "pyarrow": "pyarrow", "fastparquet": "fastparquet",
    "tables": "tables", "pytables": "tables", "PyTables": "tables", "lxml": "lxml",
    "html5lib": "html5lib", "tabulate": "tabulate", "jinja2": "jinja2", "Jinja2": "jinja2",
    "Pillow": "pillow", "numexpr": "numexpr", "sqlalchemy": "sqlalchemy",
    "SQLAlchemy": "sqlalchemy", "xlsxwriter": "xlsxwriter", "scipy": "scipy",
    "matplotlib": "matplotlib", "ipywidgets": "ipywidgets", "h5py": "h5py",
    "kaleido": "kaleido", "beautifulsoup4": "beautifulsoup4", "statsmodels": "statsmodels",
    "pydot": "pydot", "xarray": "xarray", "netCDF4": "netcdf4", "Cython": "cython",
    "cython": "cython", "numba": "numba", "sympy": "sympy", "networkx": "networkx",
    "pandas": "pandas", "seaborn": "seaborn", "sklearn": "scikit-learn", "dask": "dask",
    "bottleneck": "bottleneck", "imageio": "imageio", "joblib": "joblib", "tqdm": "tqdm",
    "psutil": "psutil", "plotly": "plotly", "nose": "nose", "pytest": "pytest", "yaml": "pyyaml",
    "PyYAML": "pyyaml", "shapely": "shapely", "pyproj": "pyproj", "zarr": "zarr",
}  # fmt: skip
"""What packages ask for in words of their own when a function needs it -> its distribution."""
_MODULE = re.compile(
    r"^(?:ModuleNotFoundError|ImportError): No module named '?(?P<module>[\w.]+)'?"
)
_MODULE_TOLD = re.compile(r"\bNo module named ['\"]?(?P<module>[A-Za-z_]\w*(?:\.\w+)*)")
"""Also in the words of a program that caught the error, and died of it later."""


def _missing(match: re.Match[str], failure: Failure) -> Mapping[str, str] | None:
    """`install` is empty where PyPI has another thing under that name, or it is there already."""
    module = match["module"]
    top = module.split(".", 1)[0]
    known = (*PYTHON_2_MODULES, *GONE_MODULES, *NEW_MODULES, *_PARTS)
    if top in known or wanted_for(module) or _own_folder(top, failure) is not None:
        return None
    name = normalised(DISTRIBUTIONS.get(module) or DISTRIBUTIONS.get(top) or top)
    foreign = top in STANDARD or any(f"{module}.".startswith(f"{p}.") for p in PLATFORMS)
    wrong = foreign or name in distributions(failure) or DISTRIBUTION.fullmatch(name) is None
    return {"module": module, "name": name, "install": "" if wrong else name}


def _not_installed(match: re.Match[str], failure: Failure) -> Mapping[str, str] | None:
    """What the stand-in for pip was asked for and the image does not hold."""
    name = normalised(match["name"])
    return None if name in distributions(failure) else {"name": name}


def _own_folder(top: str, failure: Failure) -> str | None:
    """The folder of the project's files in which a module or package of its own lies, nearest to
    the top; "." is the project itself."""
    found = []
    for path in failure.plan.code:
        *folders, name = path.split("/")
        if name == f"{top}.py":
            found.append("/".join(folders) or ".")
        elif name.endswith(".py") and top in folders:
            found.append("/".join(folders[: folders.index(top)]) or ".")
    return min(found, key=lambda folder: (folder.count("/"), folder), default=None)


def _own_module(match: re.Match[str], failure: Failure) -> Mapping[str, str] | None:
    """A module of the project that Python does not find. `path` is the PYTHONPATH that finds it;
    empty where it is there already, and something else is wrong."""
    folder = _own_folder(match["module"].split(".", 1)[0], failure)
    if folder is None:
        return None
    place = "/app" if folder == "." else f"/app/{folder}"
    present = dict(failure.plan.options.environment).get("PYTHONPATH", "")
    known = [part for part in present.split(":") if part]
    path = "" if place in known else ":".join((*known, place))
    return {"module": match["module"], "folder": folder, "path": path}


def _part(match: re.Match[str], failure: Failure) -> Mapping[str, str] | None:
    module = match["module"]
    package = _PARTS.get(module) or _PARTS.get(module.split(".", 1)[0])
    return None if package is None else {"module": module, "package": package}


def _optional(match: re.Match[str], failure: Failure) -> Mapping[str, str] | None:
    there = distributions(failure)
    asked = (_OPTIONAL.get(word) for word in re.findall(r"\w+", match["text"]))
    name = next((name for name in asked if name is not None and name not in there), None)
    return None if name is None else {"name": name}


def _utf_8(match: re.Match[str], failure: Failure) -> Mapping[str, str] | None:
    """`value` is empty where it is set already."""
    done = "PYTHONIOENCODING" in dict(failure.plan.options.environment)
    return {"value": "" if done else "utf-8", "locale": "" if done else "C.UTF-8"}


DIAGNOSES = (
    Pattern(
        "missing-module",
        _MODULE_TOLD,
        "the Python module {module} is not installed",
        "name its distribution among the requirements, probably `{name}`, or write "
        '`python.requirements = ["{name}"]` into repro.toml; then run again',
        _missing,
        (Mend(settings={"python.requirements": ("{install}",)}),),
    ),
    Pattern(
        "missing-distribution",
        re.compile(r"^ERROR: No matching distribution found for (?P<name>[A-Za-z0-9][\w.-]*)"),
        "the program installs the Python package {name} while it runs, and a run installs nothing",
        'require it, or write `python.requirements = ["{name}"]` into repro.toml; then run again',
        _not_installed,
        (Mend(settings={"python.requirements": ("{name}",)}),),
    ),
    Pattern(
        "own-module",
        _MODULE,
        "the module {module} is the project's own, in {folder}, where Python does not look",
        "start the program from there, or name the folder in repro.toml: "
        '`run.environment = {{ PYTHONPATH = "/app/{folder}" }}`',
        _own_module,
        (Mend(settings={"run.environment": {"PYTHONPATH": "{path}"}}),),
    ),
    Pattern(
        "missing-part-of-python",
        _MODULE,
        "the Python module {module} is a package of its own in this distribution, {package}",
        "write {package} into apt.txt, then run again",
        _part,
        (Mend(settings={"system.packages": ("{package}",)}),),
    ),
    Pattern(
        "missing-optional-module",
        re.compile(
            r"^(?:ImportError|ModuleNotFoundError|ValueError|RuntimeError): (?P<text>.*"
            r"\b(?:[Ii]nstall(?:ed)?|required?|requires|needs|not available|not found"
            r"|[Mm]issing optional dependency)\b.*)"
        ),
        "a package needs {name} for what the code does, and it is not installed",
        'require it, or write `python.requirements = ["{name}"]` into repro.toml; then run again',
        _optional,
        (Mend(settings={"python.requirements": ("{name}",)}),),
    ),
    Pattern(
        "ascii-only",
        re.compile(r"^Unicode(?:De|En)codeError: 'ascii' codec can't (?:de|en)code"),
        "text is read or written as ASCII, and it is more than that",
        'write `run.environment = {{ PYTHONUTF8 = "1", PYTHONIOENCODING = "utf-8" }}` into '
        "repro.toml, or name the encoding in the code",
        _utf_8,
        (
            Mend(
                settings={
                    "run.environment": {
                        "PYTHONUTF8": "1",
                        "PYTHONIOENCODING": "{value}",
                        "LC_ALL": "{locale}",
                    }
                }
            ),
        ),
    ),
    Pattern(
        "encoding",
        re.compile(r"^UnicodeDecodeError: '(?P<codec>(?!ascii')[\w-]+)' codec can't decode byte"),
        "a file is read as {codec} and is written in another encoding",
        'name the encoding where the file is opened: `encoding="latin-1"`, for example',
    ),
    Pattern(
        "nltk-data",
        re.compile(r"^\s*>>> nltk\.download\('(?P<name>[\w-]+)'\)"),
        "NLTK's data {name} is not there; it is downloaded, and a run has no network",
        "download it once and put it into the project's data folder, with "
        '`run.environment = {{ NLTK_DATA = "/app/data/nltk_data" }}` in repro.toml',
    ),
    Pattern(
        "spacy-model",
        re.compile(r"^OSError: \[E050\] Can't find model '(?P<name>[\w.-]+)'"),
        "spaCy's model {name} is not installed",
        "require its wheel by its address: see https://spacy.io/usage/models#production",
    ),
)
