"""Random numbers without a seed: the same code gives other results the next time."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass, field

from reprokit.initialising.hidden_state import Finding
from reprokit.initialising.sources import Source


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_RANDOM = _words(
    "random uniform triangular randint choice choices randrange sample shuffle normalvariate "
    "lognormvariate expovariate vonmisesvariate gammavariate gauss betavariate paretovariate "
    "weibullvariate getrandbits randbytes"
)
_NOT_DRAWN = _words(
    "seed default_rng Generator RandomState SeedSequence BitGenerator PCG64 PCG64DXSM MT19937 "
    "Philox SFC64 get_state set_state"
)
_TORCH = _words("rand randn randint randperm normal bernoulli multinomial rand_like randn_like")
# What scikit-learn draws numbers for unless random_state is given (its API reference, 1.5).
_SKLEARN = _words(
    "train_test_split shuffle resample KMeans MiniBatchKMeans BisectingKMeans SpectralClustering "
    "RandomForestClassifier RandomForestRegressor ExtraTreesClassifier ExtraTreesRegressor "
    "GradientBoostingClassifier GradientBoostingRegressor HistGradientBoostingClassifier "
    "HistGradientBoostingRegressor BaggingClassifier BaggingRegressor AdaBoostClassifier "
    "AdaBoostRegressor IsolationForest DecisionTreeClassifier DecisionTreeRegressor "
    "ExtraTreeClassifier ExtraTreeRegressor MLPClassifier MLPRegressor BernoulliRBM SGDClassifier "
    "SGDRegressor SGDOneClassSVM Perceptron PassiveAggressiveClassifier GaussianMixture "
    "BayesianGaussianMixture TSNE MDS NMF MiniBatchNMF LatentDirichletAllocation FastICA "
    "DictionaryLearning TruncatedSVD RandomizedSearchCV ShuffleSplit StratifiedShuffleSplit "
    "GroupShuffleSplit permutation_importance learning_curve make_blobs make_classification "
    "make_regression make_moons make_circles RANSACRegressor SpectralEmbedding"
)
# These draw only if they are told to shuffle.
_IF_SHUFFLED = frozenset({"KFold", "StratifiedKFold"})
_TENSORFLOW = _words("normal uniform truncated_normal shuffle categorical gamma poisson")
# What pandas' sample() is told by, which other things of that name are not.
_PANDAS_SAMPLE = frozenset({"n", "frac", "replace", "weights"})
_SEEDS = {
    "random": ("random.seed",),
    "numpy.random": ("numpy.random.seed",),
    "torch": ("torch.manual_seed", "torch.random.manual_seed"),
    "tensorflow": ("tensorflow.random.set_seed",),
}
_EVERYWHERE = ("seed_everything", "set_seed", "fix_seed", "set_random_seed")
"""Functions that are known, or usually written, to seed every generator at once."""


@dataclass(slots=True)
class _Seen:
    first: dict[str, tuple[str, str]] = field(default_factory=dict)
    seeded: set[str] = field(default_factory=set)
    alone: list[Finding] = field(default_factory=list)
    seedless: list[tuple[str, str]] = field(default_factory=list)


def missing(sources: tuple[Source, ...]) -> Iterator[Finding]:
    """Generators that are drawn from and nowhere seeded, and calls that lack their own seed."""
    # What one cell of a notebook imports, the others use; another file's names mean nothing here.
    names: dict[str, dict[str, str]] = {}
    for source in sources:
        if source.tree is not None:
            names.setdefault(source.path, {}).update(_names(source.tree))
    seen = _Seen()
    for source in sources:
        for node in ast.walk(source.tree) if source.tree is not None else ():
            if isinstance(node, ast.Call):
                _look(_full_name(node.func, names[source.path]), node, source, seen)
                if "pandas" in names[source.path].values() and _is_unseeded_sample(node):
                    seen.seedless.append(("sample", source.place(node.lineno)))
    for generator, (call, place) in seen.first.items():
        if generator not in seen.seeded:
            text = (
                f"{call}() draws random numbers without a seed: {_SEEDS[generator][0]}(1) sets one"
            )
            yield Finding(kind="seed", text=text, place=place)
    yield from seen.alone
    for name, place in seen.seedless if "numpy.random" not in seen.seeded else ():
        yield Finding(kind="seed", text=f"{name}() is called without random_state", place=place)


def _names(tree: ast.Module) -> dict[str, str]:
    """What each imported name means, in full ("np" is numpy)."""
    found = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                top = alias.name.partition(".")[0]
                found[alias.asname or top] = alias.name if alias.asname else top
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            found |= {a.asname or a.name: f"{node.module}.{a.name}" for a in node.names}
    return found


def _full_name(function: ast.expr, names: dict[str, str]) -> str:
    parts: list[str] = []
    node = function
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    # An attribute of what is not imported is that of a variable, whatever its name is.
    if not isinstance(node, ast.Name) or (parts and node.id not in names):
        return ""
    return ".".join([names.get(node.id, node.id), *reversed(parts)])


def _look(name: str, call: ast.Call, source: Source, seen: _Seen) -> None:
    place = source.place(call.lineno)
    module, _, last = name.rpartition(".")
    if (last in _EVERYWHERE and module != "tensorflow.random") or name.startswith("lightning.seed"):
        seen.seeded.update(_SEEDS)
    for generator, seeds in _SEEDS.items():
        if name in seeds and (call.args or call.keywords):
            seen.seeded.add(generator)
    if module == "random" and last in _RANDOM:
        seen.first.setdefault("random", (name, place))
    elif module == "numpy.random":
        if last in ("default_rng", "RandomState") and not call.args and not call.keywords:
            text = f"{name}() has no seed: {name}(1) gives the same numbers each time"
            seen.alone.append(Finding(kind="seed", text=text, place=place))
        elif last not in _NOT_DRAWN:
            seen.first.setdefault("numpy.random", (name, place))
    elif module == "torch" and last in _TORCH:
        seen.first.setdefault("torch", (name, place))
    elif module == "tensorflow.random" and last in _TENSORFLOW:
        seen.first.setdefault("tensorflow", (name, place))
    elif name.startswith("scipy.stats.") and last == "rvs" and _lacks_state(call):
        seen.seedless.append((name, place))
    elif name.startswith("sklearn.") and _is_unseeded(last, call):
        # With random_state left out, numpy's own generator is drawn from.
        seen.seedless.append((last, place))


def _is_unseeded(name: str, call: ast.Call) -> bool:
    is_shuffled = any(keyword.arg == "shuffle" for keyword in call.keywords)
    return _lacks_state(call) and (name in _SKLEARN or (name in _IF_SHUFFLED and is_shuffled))


def _is_unseeded_sample(call: ast.Call) -> bool:
    """Whether this is sample() of a data frame, by its arguments: its object is nobody's guess."""
    if not isinstance(call.func, ast.Attribute) or call.func.attr != "sample":
        return False
    first = call.args[0] if len(call.args) == 1 else None
    count = isinstance(first, ast.Constant) and isinstance(first.value, int) and not call.keywords
    named = any(keyword.arg in _PANDAS_SAMPLE for keyword in call.keywords)
    return (count or named) and _lacks_state(call)


def _lacks_state(call: ast.Call) -> bool:
    """Whether a call's own generator is left to chance."""
    given = {keyword.arg: keyword.value for keyword in call.keywords}
    value = given.get("random_state")
    is_none = value is None or (isinstance(value, ast.Constant) and value.value is None)
    return is_none and None not in given  # **options may hold it
