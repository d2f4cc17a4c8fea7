"""Failures of Python programs, known by the last line of their traceback."""

from __future__ import annotations

import re
from collections.abc import Mapping

from reprokit.diagnosing.mend import Mend
from reprokit.diagnosing.pattern import Pattern
from reprokit.diagnosing.protocol import Failure
from reprokit.ecosystems.python.import_names import DISTRIBUTIONS
from reprokit.ecosystems.python.imports import PLATFORMS, STANDARD
from reprokit.ecosystems.python.names import normalised
from reprokit.model import Lock

# Names that later versions took away, and the last that had them. From the projects' own release
# notes: NumPy 1.24 and 2.0, pandas 1.0 and 2.0, SciPy 1.3 and 1.14, scikit-learn 0.23,
# Matplotlib 3.6 and 3.9, NetworkX 3.0, Python 3.3 to 3.13.
_REMOVED = {
    ("numpy", "float"): "numpy<1.24", ("numpy", "int"): "numpy<1.24",
    ("numpy", "bool"): "numpy<1.24", ("numpy", "object"): "numpy<1.24",
    ("numpy", "complex"): "numpy<1.24", ("numpy", "str"): "numpy<1.24",
    ("numpy", "float_"): "numpy<2", ("numpy", "Inf"): "numpy<2", ("numpy", "NaN"): "numpy<2",
    ("numpy", "product"): "numpy<2", ("numpy", "in1d"): "numpy<2.4",
    ("numpy", "trapz"): "numpy<2.4", ("scipy.misc", "imread"): "scipy<1.2",
    ("scipy.misc", "imresize"): "scipy<1.3", ("scipy.misc", "comb"): "scipy<1.3",
    ("scipy.misc", "factorial"): "scipy<1.3", ("scipy.integrate", "simps"): "scipy<1.14",
    ("scipy.integrate", "trapz"): "scipy<1.14", ("scipy.integrate", "cumtrapz"): "scipy<1.14",
    ("scipy", "array"): "scipy<1.12", ("scipy", "zeros"): "scipy<1.12",
    ("DataFrame", "append"): "pandas<2", ("Series", "append"): "pandas<2",
    ("DataFrame", "ix"): "pandas<1", ("Series", "ix"): "pandas<1",
    ("DataFrame", "as_matrix"): "pandas<1", ("Series", "as_matrix"): "pandas<1",
    ("DataFrame", "iteritems"): "pandas<2", ("Series", "iteritems"): "pandas<2",
    ("DataFrame", "applymap"): "pandas<3", ("pandas", "Panel"): "pandas<0.25",
    ("networkx", "from_numpy_matrix"): "networkx<3",
    ("networkx", "to_numpy_matrix"): "networkx<3", ("Graph", "node"): "networkx<2.4",
    ("matplotlib.cm", "get_cmap"): "matplotlib<3.9",
    ("matplotlib.cm", "register_cmap"): "matplotlib<3.9",
}  # fmt: skip
"""(module or class, attribute) -> the requirement that has it."""
_REMOVED_MODULES = {
    "sklearn.externals": "scikit-learn<0.23", "sklearn.cross_validation": "scikit-learn<0.20",
    "sklearn.grid_search": "scikit-learn<0.20", "sklearn.utils.testing": "scikit-learn<0.24",
    "sklearn.datasets.samples_generator": "scikit-learn<0.24",
    "pandas.util.testing": "pandas<2", "tensorflow.contrib": "tensorflow<2",
    "keras.layers.merge": "keras<2.3", "scipy.signal.wavelets": "scipy<1.14",
    "matplotlib.mlab": "matplotlib<3.1", "skimage.measure.simple_metrics": "scikit-image<0.18",
}  # fmt: skip
_REMOVED_FROM_PYTHON = {
    "imp": "3.11", "distutils": "3.11", "asynchat": "3.11", "asyncore": "3.11", "smtpd": "3.11",
    "cgi": "3.12", "pipes": "3.12", "crypt": "3.12", "telnetlib": "3.12", "imghdr": "3.12",
    "sndhdr": "3.12", "uu": "3.12", "xdrlib": "3.12", "chunk": "3.12", "aifc": "3.12",
    "parser": "3.9", "symbol": "3.9", "formatter": "3.9", "binhex": "3.10",
}  # fmt: skip
"""Module of the standard library -> the last Python that has it (PEP 594, PEP 632)."""
_PYTHON_2_MODULES = frozenset({
    "ConfigParser", "Queue", "StringIO", "Tkinter", "cPickle", "cStringIO", "commands",
    "httplib", "itertools.imap", "urllib2", "urlparse", "xmlrpclib",
})  # fmt: skip
_MODULE = r"(?:ModuleNotFoundError|ImportError): No module named '?(?P<module>[\w.]+)'?"


def _missing(match: re.Match[str], failure: Failure) -> Mapping[str, str] | None:
    module = match["module"]
    top = module.split(".", 1)[0]
    if top in _PYTHON_2_MODULES or top in _REMOVED_FROM_PYTHON or _in(_REMOVED_MODULES, module):
        return None
    if _own_folder(top, failure) is not None:
        return None
    name = DISTRIBUTIONS.get(module) or DISTRIBUTIONS.get(top) or top
    name = normalised(name)
    # A module of Python itself, or of a platform, is not what PyPI has under its name; and what is
    # installed does not come with more.
    foreign = top in STANDARD or any(f"{module}.".startswith(f"{p}.") for p in PLATFORMS)
    wrong = foreign or name in _installed(failure.lock) or not name.isascii()
    return {"module": module, "name": name, "install": "" if wrong else name}


def _installed(lock: Lock | None) -> frozenset[str]:
    ecosystems = () if lock is None else lock.ecosystems
    packages = (p for e in ecosystems if e.ecosystem == "python" for p in e.packages)
    return frozenset(normalised(package.name) for package in packages)


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
    top = match["module"].split(".", 1)[0]
    folder = _own_folder(top, failure)
    if folder is None:
        return None
    place = "/app" if folder == "." else f"/app/{folder}"
    present = dict(failure.plan.options.environment).get("PYTHONPATH", "")
    known = [part for part in present.split(":") if part]
    path = "" if place in known else ":".join((*known, place))
    return {"module": match["module"], "folder": folder, "path": path}


def _in(table: Mapping[str, str], module: str) -> str | None:
    """The value of the module, or of one that it lies in."""
    while module:
        if module in table:
            return table[module]
        module = module.rpartition(".")[0]
    return None


def _removed_module(match: re.Match[str], failure: Failure) -> Mapping[str, str] | None:
    wanted = _in(_REMOVED_MODULES, match["module"])
    return None if wanted is None else {"name": match["module"], "wanted": wanted}


def _removed_from_python(match: re.Match[str], failure: Failure) -> Mapping[str, str] | None:
    top = match["module"].split(".", 1)[0]
    last = _REMOVED_FROM_PYTHON.get(top)
    return None if last is None else {"module": top, "last": last}


def _removed_attribute(match: re.Match[str], failure: Failure) -> Mapping[str, str] | None:
    owner, attribute = match["owner"], match["attribute"]
    wanted = _REMOVED.get((owner, attribute))
    return None if wanted is None else {"name": f"{owner}.{attribute}", "wanted": wanted}


def _python_2(match: re.Match[str], failure: Failure) -> Mapping[str, str] | None:
    module = match.groupdict().get("module")
    return {} if module is None or module.split(".", 1)[0] in _PYTHON_2_MODULES else None


_REMOVED_TEXT = "the code uses {name}, which later versions no longer have"
_REMOVED_NEXT = (
    "require `{wanted}`, or give the date of the code: `date` in repro.toml, or --date; packages "
    "are then those of that day"
)

DIAGNOSES = (
    Pattern(
        "missing-module",
        re.compile(rf"^{_MODULE}"),
        "the Python module {module} is not installed",
        "name its distribution among the requirements, probably `{name}`, or write "
        '`python.requirements = ["{name}"]` into repro.toml; then run again',
        _missing,
        (Mend(settings={"python.requirements": ("{install}",)}),),
    ),
    Pattern(
        "own-module",
        re.compile(rf"^{_MODULE}"),
        "the module {module} is the project's own, in {folder}, where Python does not look",
        "start the program from there, or name the folder in repro.toml: "
        '`run.environment = {{ PYTHONPATH = "/app/{folder}" }}`',
        _own_module,
        (Mend(settings={"run.environment": {"PYTHONPATH": "{path}"}}),),
    ),
    Pattern(
        "removed-module",
        re.compile(rf"^{_MODULE}"),
        _REMOVED_TEXT,
        _REMOVED_NEXT,
        _removed_module,
    ),
    Pattern(
        "removed-api",
        re.compile(
            r"^AttributeError: (?:module )?'(?P<owner>[\w.]+)'(?: object)? has no attribute "
            r"'(?P<attribute>\w+)'"
        ),
        _REMOVED_TEXT,
        _REMOVED_NEXT,
        _removed_attribute,
    ),
    Pattern(
        "newer-python",
        re.compile(rf"^{_MODULE}"),
        "the code imports {module}, which Python {last} was the last to have",
        'write `python.version = "<={last}"` into repro.toml',
        _removed_from_python,
    ),
    Pattern(
        "python-2-module",
        re.compile(rf"^{_MODULE}"),
        "the code is written for Python 2",
        'write `python.version = "2.7"` into repro.toml',
        _python_2,
    ),
    Pattern(
        "python-2-syntax",
        re.compile(
            r"^(?:SyntaxError: (?:Missing parentheses in call to 'print'"
            r"|multiple exception types must be parenthesized"
            r"|leading zeros in decimal integer literals)"
            r"|TabError: inconsistent use of tabs"
            r"|NameError: name '(?:xrange|raw_input|unicode|basestring|unichr|reduce)' is not)"
        ),
        "the code is written for Python 2",
        'write `python.version = "2.7"` into repro.toml',
        _python_2,
    ),
    Pattern(
        "encoding",
        re.compile(r"^UnicodeDecodeError: '(?P<codec>[\w-]+)' codec can't decode byte"),
        "a file is read as {codec} and is written in another encoding",
        'name the encoding where the file is opened: `encoding="latin-1"`, for example',
    ),
)
