"""Python programs that use what a later version of a package took away.

The tables are written by hand from the projects' own release notes: NumPy 1.18, 1.23, 1.24, 2.0 and
2.4, pandas 0.25, 1.0 and 2.0, SciPy 1.2, 1.3, 1.12, 1.13 and 1.14, scikit-learn 0.20, 0.22, 0.23,
0.24 and 1.2, Matplotlib 3.1, 3.6, 3.8 and 3.9, NetworkX 2.4 and 3.0, Pillow 10, Keras 2.3,
TensorFlow 2.0, scikit-image 0.18, Jinja 3.1, MarkupSafe 2.1, itsdangerous 2.1, Werkzeug 3.0, gensim
4.0, statsmodels 0.13, Biopython 1.78, PyYAML 6.0, protobuf 4.21.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from reprokit.diagnosing.installed import is_older, newer_than_failed, python_of
from reprokit.diagnosing.mend import Mend
from reprokit.diagnosing.pattern import Pattern
from reprokit.diagnosing.protocol import Failure

# Of a module, of its classes, and of what is imported from it: module -> requirement -> names.
_NAMES = {
    "numpy": {
        "numpy<1.18": "rank",
        "numpy<1.23": "asscalar",
        "numpy<1.24": "float int bool object complex str long unicode",
        "numpy<2": "float_ complex_ string_ unicode_ Inf NaN Infinity infty PINF NINF product "
        "cumproduct sometrue alltrue cast msort find_common_type issubclass_ issctype obj2sctype "
        "maximum_sctype nbytes round_ mat asfarray",
        "numpy<2.4": "in1d trapz",
    },
    "pandas": {
        "pandas<0.25": "Panel",
        "pandas<2": "Int64Index Float64Index UInt64Index",
    },
    "pandas.core.groupby": {"pandas<1": "PanelGroupBy"},
    "DataFrame": {
        "pandas<1": "ix as_matrix get_value set_value",
        "pandas<2": "append iteritems mad lookup slice_shift tshift",
        "pandas<3": "applymap",
    },
    "Series": {
        "pandas<1": "ix as_matrix",
        "pandas<2": "append iteritems mad slice_shift tshift",
    },
    "scipy": {"scipy<1.12": "array zeros ones arange linspace interp randn rand dot"},
    "scipy.misc": {
        "scipy<1.2": "imread imsave",
        "scipy<1.3": "imresize imrotate imfilter imshow comb factorial logsumexp toimage bytescale",
    },
    "scipy.integrate": {"scipy<1.14": "simps trapz cumtrapz"},
    "scipy.signal": {"scipy<1.13": "gaussian hann hamming blackman boxcar triang kaiser"},
    "scipy.stats": {"scipy<1.12": "binom_test"},
    "scipy.special": {"scipy<1.4": "hyp2f0 hyp1f2 hyp3f0"},
    "sklearn.preprocessing": {"scikit-learn<0.22": "Imputer"},
    "sklearn.metrics": {
        "scikit-learn<0.23": "jaccard_similarity_score",
        "scikit-learn<1.2": "plot_confusion_matrix plot_roc_curve plot_precision_recall_curve",
    },
    "sklearn.datasets": {"scikit-learn<1.2": "load_boston"},
    "sklearn.externals": {"scikit-learn<0.23": "joblib six"},
    "sklearn.utils": {"scikit-learn<0.24": "safe_indexing"},
    "networkx": {
        "networkx<2.4": "connected_component_subgraphs",
        "networkx<3": "from_numpy_matrix to_numpy_matrix read_gpickle write_gpickle info",
    },
    "Graph": {"networkx<2.4": "node edge nodes_iter edges_iter"},
    "DiGraph": {"networkx<2.4": "node edge nodes_iter edges_iter"},
    "matplotlib.cm": {"matplotlib<3.9": "get_cmap register_cmap"},
    "matplotlib.pyplot": {"matplotlib<3.1": "hold"},
    "PIL.Image": {"pillow<10": "ANTIALIAS LINEAR CUBIC"},
    "ImageDraw": {"pillow<10": "textsize"},
    "FreeTypeFont": {"pillow<10": "getsize"},
    "tensorflow": {
        "tensorflow<2": "Session placeholder ConfigProto get_default_graph reset_default_graph "
        "global_variables_initializer set_random_seed variable_scope get_variable"
    },
    "jinja2": {"jinja2<3.1": "escape Markup contextfunction environmentfilter contextfilter"},
    "markupsafe": {"markupsafe<2.1": "soft_unicode"},
    "itsdangerous": {"itsdangerous<2.1": "json JSONWebSignatureSerializer"},
    "werkzeug.urls": {"werkzeug<3": "url_quote url_encode url_decode"},
}
_REMOVED = {
    (owner, name): wanted
    for owner, requirements in _NAMES.items()
    for wanted, names in requirements.items()
    for name in names.split()
}
"""(module or class, attribute) -> the requirement that has it."""
_REMOVED_MODULES = {
    "sklearn.externals": "scikit-learn<0.23", "sklearn.cross_validation": "scikit-learn<0.20",
    "sklearn.grid_search": "scikit-learn<0.20", "sklearn.learning_curve": "scikit-learn<0.20",
    "sklearn.utils.testing": "scikit-learn<0.24",
    "sklearn.datasets.samples_generator": "scikit-learn<0.24",
    "sklearn.ensemble.forest": "scikit-learn<0.24", "sklearn.tree.tree": "scikit-learn<0.24",
    "sklearn.linear_model.logistic": "scikit-learn<0.24",
    "pandas.util.testing": "pandas<2", "pandas.tools": "pandas<0.24",
    "pandas.io.data": "pandas<0.19", "pandas.core.indexes.numeric": "pandas<2",
    "tensorflow.contrib": "tensorflow<2", "tensorflow.examples": "tensorflow<2",
    "keras.layers.merge": "keras<2.3",
    "matplotlib.finance": "matplotlib<2.2",
    "skimage.measure.simple_metrics": "scikit-image<0.18", "Bio.Alphabet": "biopython<1.78",
}  # fmt: skip
_SAYINGS = (
    (r"Bio\.Alphabet has been removed from Biopython", "Bio.Alphabet", "biopython<1.78"),
    (r"^`load_boston` has been removed from scikit-learn", "load_boston", "scikit-learn<1.2"),
    (r"attribute was removed from KeyedVector in Gensim 4", "vocab", "gensim<4"),
    (r"statsmodels\.tsa\.arima_model\.ARMA and statsmodels\.tsa\.arima_model\.ARIMA have been "
     r"removed", "statsmodels.tsa.arima_model", "statsmodels<0.13"),
    (r"^TypeError: load\(\) missing 1 required positional argument: 'Loader'",
     "yaml.load without a Loader", "pyyaml<6"),
    (r"^TypeError: .*to_csv\(\) got an unexpected keyword argument 'line_terminator'",
     "line_terminator of to_csv", "pandas<2"),
    (r"^TypeError: read_csv\(\) got an unexpected keyword argument '(?:error_bad_lines|squeeze|"
     r"mangle_dupe_cols|warn_bad_lines|prefix)'", "an old argument of read_csv", "pandas<2"),
    (r"^OSError: '?seaborn[\w-]*'? (?:not found in the style library|is not a valid package style)",
     "Matplotlib's seaborn styles", "matplotlib<3.8"),
    # From 3.4 on it does not count where there are axes already, from 3.6 on it is an error.
    (r"gca\(\) got an unexpected keyword argument 'projection'|"
     r"^AttributeError: 'Axes(?:Subplot)?' object has no attribute '(?:set_z(?:label|lim|ticks|"
     r"ticklabels|scale)|plot_(?:surface|wireframe|trisurf)|contourf?3D|scatter3D|plot3D|bar3d|"
     r"view_init)'", "gca(projection=…)", "matplotlib<3.4"),
    (r"^AttributeError: .*(?:has no property|Unknown property) '?axis_?bg|"
     r"unexpected keyword argument 'axisbg'", "axisbg of axes", "matplotlib<2.2"),
    # A warning before 3.3.
    (r"^ValueError: The number of FixedLocator locations \(\d+\), usually from a call to set_ticks",
     "fewer ticks than labels", "matplotlib<3.3"),
    (r"^AttributeError: `np\.\w+` was removed in the NumPy 2\.0 release", "a name of NumPy 1",
     "numpy<2"),
    (r"A module that was compiled using NumPy 1\.x cannot be run in|numpy\.dtype size changed, may "
     r"indicate binary incompatibility|numpy\.core\.multiarray failed to import",
     "a package that was compiled for NumPy 1", "numpy<2"),
    (r"^TypeError: Descriptors cannot (?:not )?be created directly", "code made for protobuf 3",
     "protobuf<3.21"),
)  # fmt: skip
# The first Python for which the newest such version has no wheel, by the files on PyPI. No entry:
# pure Python, or wheels for every Python.
PYTHON_BELOW = {
    "numpy<1.18": "3.9", "numpy<1.23": "3.11", "numpy<1.24": "3.12", "numpy<2": "3.13",
    "pandas<0.19": "3.6", "pandas<0.24": "3.8", "pandas<0.25": "3.8", "pandas<1": "3.9",
    "pandas<2": "3.12", "scipy<1.2": "3.8", "scipy<1.3": "3.8", "scipy<1.4": "3.9",
    "scipy<1.12": "3.13",
    "scipy<1.13": "3.13", "scipy<1.14": "3.13", "scikit-learn<0.20": "3.8",
    "scikit-learn<0.22": "3.8", "scikit-learn<0.23": "3.9", "scikit-learn<0.24": "3.9",
    "scikit-learn<1.2": "3.12", "matplotlib<2.2": "3.7", "matplotlib<3.1": "3.8",
    "matplotlib<3.3": "3.9", "matplotlib<3.4": "3.10", "matplotlib<3.8": "3.13",
    "matplotlib<3.9": "3.13",
    "tensorflow<2": "3.8", "scikit-image<0.18": "3.9", "pillow<10": "3.12", "pyyaml<6": "3.10",
    "gensim<4": "3.9", "statsmodels<0.13": "3.10", "biopython<1.78": "3.9",
    "markupsafe<2.1": "3.11",
}  # fmt: skip


def wanted_for(module: str) -> str | None:
    """The requirement that has a module which was taken away, or one that it lies in."""
    while module:
        if module in _REMOVED_MODULES:
            return _REMOVED_MODULES[module]
        module = module.rpartition(".")[0]
    return None


def _words(name: str, wanted: str, match: re.Match[str], failure: Failure) -> dict[str, str]:
    """`python` is what its wheels are for where this Python is too new, else `alone` is wanted.
    `newer`: a later version of the package that has the code, where that is pinned."""
    below, here = PYTHON_BELOW.get(wanted), python_of(failure)
    new = below is not None and here is not None and not is_older(here, below)
    return {
        "name": name,
        "wanted": wanted,
        "alone": "" if new else wanted,
        "python": f"<{below}" if new else "",
        "newer": newer_than_failed(failure, match.string, re.split(r"[<>=]", wanted)[0]),
    }


def _module(match: re.Match[str], failure: Failure) -> Mapping[str, str] | None:
    wanted = wanted_for(match["module"])
    return None if wanted is None else _words(match["module"], wanted, match, failure)


def _attribute(match: re.Match[str], failure: Failure) -> Mapping[str, str] | None:
    owner, attribute = match["owner"], match["attribute"]
    wanted = _REMOVED.get((owner, attribute)) or wanted_for(f"{owner}.{attribute}")
    return None if wanted is None else _words(f"{owner}.{attribute}", wanted, match, failure)


def _saying(match: re.Match[str], failure: Failure) -> Mapping[str, str] | None:
    position = next(i for i, _ in enumerate(_SAYINGS) if match[f"s{i}"] is not None)
    _, name, wanted = _SAYINGS[position]
    return _words(name, wanted, match, failure)


_TEXT = "the code uses {name}, which later versions no longer have"
_NEXT = (
    "require `{wanted}`, or give the date of the code: `date` in repro.toml, or --date; packages "
    "are then those of that day"
)
_MENDS = (
    Mend(settings={"python.requirements": ("{alone}",)}),
    Mend(settings={"python.requirements": ("{wanted}",), "python.version": "{python}"}),
    Mend(settings={"python.requirements": ("{newer}",)}),
)

DIAGNOSES = (
    Pattern(
        "removed-module",
        re.compile(r"^(?:ModuleNotFoundError|ImportError): No module named '?(?P<module>[\w.]+)'?"),
        _TEXT,
        _NEXT,
        _module,
        _MENDS,
    ),
    Pattern(
        "removed-api",
        re.compile(
            r"^(?:AttributeError: (?:module |type object )?'(?P<owner>[\w.]+)'(?: object)? has no "
            r"attribute '(?P<attribute>\w+)')"
        ),
        _TEXT,
        _NEXT,
        _attribute,
        _MENDS,
    ),
    Pattern(
        "removed-import",
        re.compile(
            r"^ImportError: cannot import name '(?P<attribute>\w+)' from '(?P<owner>[\w.]+)'"
        ),
        _TEXT,
        _NEXT,
        _attribute,
        _MENDS,
    ),
    Pattern(
        "removed-behaviour",
        re.compile("|".join(f"(?P<s{i}>{saying[0]})" for i, saying in enumerate(_SAYINGS))),
        _TEXT,
        _NEXT,
        _saying,
        _MENDS,
    ),
)
