"""Python programs that are for another Python than the one they have.

What was taken away is from PEP 594, PEP 632 and the "Removed" sections of the "What's New" of each
release, what came from their "New" sections (https://docs.python.org/3/whatsnew/).
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from reprokit.diagnosing.installed import is_older, python_of
from reprokit.diagnosing.mend import Mend
from reprokit.diagnosing.pattern import Pattern
from reprokit.diagnosing.protocol import Failure

GONE_MODULES = {
    "imp": "3.12", "distutils": "3.12", "asynchat": "3.12", "asyncore": "3.12", "smtpd": "3.12",
    "cgi": "3.13", "pipes": "3.13", "crypt": "3.13", "telnetlib": "3.13", "imghdr": "3.13",
    "sndhdr": "3.13", "uu": "3.13", "xdrlib": "3.13", "chunk": "3.13", "aifc": "3.13",
    "audioop": "3.13", "nntplib": "3.13", "lib2to3": "3.13", "cgitb": "3.13", "mailcap": "3.13",
    "parser": "3.10", "symbol": "3.10", "formatter": "3.10", "binhex": "3.11",
}  # fmt: skip
"""Module of the standard library -> the first Python without it."""
PYTHON_2_MODULES = frozenset({
    "ConfigParser", "Queue", "StringIO", "Tkinter", "cPickle", "cStringIO", "commands",
    "httplib", "urllib2", "urlparse", "xmlrpclib", "HTMLParser", "Cookie", "cookielib", "sets",
    "__builtin__", "exceptions", "tkMessageBox", "tkFileDialog", "BaseHTTPServer",
})  # fmt: skip
_ABSTRACT = (
    "Mapping MutableMapping Sequence MutableSequence Iterable Iterator Callable Set MutableSet "
    "Hashable Container Sized Generator ItemsView KeysView ValuesView"
)
_GONE = {
    **{("collections", name): "3.10" for name in _ABSTRACT.split()},
    ("fractions", "gcd"): "3.9", ("inspect", "getargspec"): "3.11",
    ("inspect", "formatargspec"): "3.11", ("asyncio", "coroutine"): "3.11",
    ("time", "clock"): "3.8", ("cgi", "escape"): "3.8", ("platform", "linux_distribution"): "3.8",
    ("platform", "dist"): "3.8", ("base64", "decodestring"): "3.9",
    ("base64", "encodestring"): "3.9", ("array.array", "tostring"): "3.9",
    ("array.array", "fromstring"): "3.9", ("xml.etree.ElementTree.Element", "getchildren"): "3.9",
    ("xml.etree.ElementTree.Element", "getiterator"): "3.9", ("HTMLParser", "unescape"): "3.9",
    ("sys", "setcheckinterval"): "3.9", ("threading.Thread", "isAlive"): "3.9",
    ("Thread", "isAlive"): "3.9", ("unittest", "makeSuite"): "3.13",
    ("configparser", "SafeConfigParser"): "3.12", ("pkgutil", "ImpImporter"): "3.12",
    ("ast", "Num"): "3.14", ("ast", "Str"): "3.14",
    ("typing", "io"): "3.13", ("re", "template"): "3.13", ("locale", "format"): "3.12",
}  # fmt: skip
_PYTHON_2_NAMES = {
    ("dict", "iteritems"), ("dict", "itervalues"), ("dict", "iterkeys"), ("dict", "has_key"),
    ("string", "letters"), ("string", "maketrans"), ("string", "join"), ("string", "lowercase"),
    ("string", "uppercase"), ("string", "replace"), ("string", "atoi"), ("string", "split"),
    ("itertools", "izip"), ("itertools", "imap"), ("itertools", "ifilter"),
    ("itertools", "izip_longest"), ("os", "getcwdu"), ("sys", "maxint"), ("types", "StringType"),
    ("types", "ListType"), ("urllib", "urlopen"), ("urllib", "urlencode"), ("urllib", "quote"),
    ("urllib", "urlretrieve"), ("sys", "setdefaultencoding"), ("generator", "next"),
}  # fmt: skip
_NEW = {
    ("math", "dist"): "3.8", ("math", "prod"): "3.8", ("math", "comb"): "3.8",
    ("typing", "Literal"): "3.8", ("typing", "TypedDict"): "3.8", ("typing", "Protocol"): "3.8",
    ("typing", "Final"): "3.8", ("functools", "cached_property"): "3.8",
    ("functools", "cache"): "3.9", ("typing", "Annotated"): "3.9", ("math", "lcm"): "3.9",
    ("math", "nextafter"): "3.9", ("random", "randbytes"): "3.9", ("str", "removeprefix"): "3.9",
    ("str", "removesuffix"): "3.9", ("itertools", "pairwise"): "3.10",
    ("typing", "TypeAlias"): "3.10", ("typing", "ParamSpec"): "3.10",
    ("types", "NoneType"): "3.10", ("int", "bit_count"): "3.10",
    ("statistics", "correlation"): "3.10", ("statistics", "linear_regression"): "3.10",
    ("typing", "Self"): "3.11", ("typing", "Never"): "3.11", ("typing", "assert_never"): "3.11",
    ("enum", "StrEnum"): "3.11", ("math", "cbrt"): "3.11", ("math", "exp2"): "3.11",
    ("datetime", "UTC"): "3.11", ("asyncio", "TaskGroup"): "3.11", ("asyncio", "timeout"): "3.11",
    ("contextlib", "chdir"): "3.11", ("hashlib", "file_digest"): "3.11",
    ("itertools", "batched"): "3.12", ("typing", "override"): "3.12", ("math", "sumprod"): "3.12",
    ("warnings", "deprecated"): "3.13", ("math", "fma"): "3.13",
}  # fmt: skip
NEW_MODULES = {
    "dataclasses": "3.7", "contextvars": "3.7", "zoneinfo": "3.9", "graphlib": "3.9",
    "tomllib": "3.11", "compression": "3.14", "annotationlib": "3.14",
}  # fmt: skip
_NEW_SYNTAX = (
    (re.compile(r":="), "3.8"),
    (re.compile(r"^\s*(?:match\b.*|case\b.*):\s*(?:#.*)?$"), "3.10"),
    (re.compile(r"^\s*except\s*\*"), "3.11"),
    (re.compile(r"^\s*type\s+\w+.*=|^\s*(?:def|class)\s+\w+\["), "3.12"),
    (re.compile(r"\b(?:f|fr|rf)[\"']"), "3.6"),
    (re.compile(r"^\s*async\s+def\b|\bawait\b"), "3.7"),
    (re.compile(r"^\s*\w+\s*:\s*[\w\[\], .]+(?:=|$)"), "3.6"),
)
"""Signs in a line that an older Python refuses, and the first that takes it."""
_MODULE = re.compile(
    r"^(?:ModuleNotFoundError|ImportError): No module named '?(?P<module>[\w.]+)'?"
)
_OWN_LINE = re.compile(r'^\s*(?:File "(?P<file>[^"]+)"|(?:Cell|Input) In ?\[\d+\]), line \d+')


def _gone(below: str | None, what: str, failure: Failure) -> Mapping[str, str] | None:
    here = python_of(failure)
    if below is None or (here is not None and is_older(here, below)):
        return None
    return {"what": what, "below": below}


def _gone_module(match: re.Match[str], failure: Failure) -> Mapping[str, str] | None:
    top = match["module"].split(".", 1)[0]
    return _gone(GONE_MODULES.get(top), top, failure)


def _gone_name(match: re.Match[str], failure: Failure) -> Mapping[str, str] | None:
    owner, name = _owner_and_name(match)
    return _gone(_GONE.get((owner, name)), f"{owner}.{name}", failure)


def _owner_and_name(match: re.Match[str]) -> tuple[str, str]:
    found = match.groupdict(default="")
    return found["owner"] or found["from"], found["attribute"] or found["name"]


def _python_2(match: re.Match[str], failure: Failure) -> Mapping[str, str] | None:
    here = python_of(failure)
    return None if here is not None and here.startswith("2.") else {}


def _python_2_module(match: re.Match[str], failure: Failure) -> Mapping[str, str] | None:
    known = match["module"].split(".", 1)[0] in PYTHON_2_MODULES
    return _python_2(match, failure) if known else None


def _python_2_name(match: re.Match[str], failure: Failure) -> Mapping[str, str] | None:
    known = _owner_and_name(match) in _PYTHON_2_NAMES
    return _python_2(match, failure) if known else None


def _python_2_syntax(match: re.Match[str], failure: Failure) -> Mapping[str, str] | None:
    """Only of the project's own files: a package that Python refuses is another failure."""
    file, _ = _refused_line(match.string, failure)
    own = file is None or file.startswith("/app/") or not file.startswith("/")
    return _python_2(match, failure) if own else None


def _refused_line(last: str, failure: Failure) -> tuple[str | None, str]:
    """The file (`None` for a notebook's cell) and the line of code that stand above the last line
    of a traceback."""
    end = max(i for i, line in enumerate(failure.lines) if line == last)
    for number in range(end - 1, max(end - 8, -1), -1):
        found = _OWN_LINE.match(failure.lines[number])
        if found is not None:
            return found["file"], failure.lines[min(number + 1, end)]
    return None, ""


def _new(since: str | None, what: str, failure: Failure) -> Mapping[str, str] | None:
    here = python_of(failure)
    if since is None or (here is not None and not is_older(here, since)):
        return None
    return {"what": what, "since": since}


def _new_name(match: re.Match[str], failure: Failure) -> Mapping[str, str] | None:
    owner, name = _owner_and_name(match)
    return _new(_NEW.get((owner, name)), f"{owner}.{name}", failure)


def _new_module(match: re.Match[str], failure: Failure) -> Mapping[str, str] | None:
    top = match["module"].split(".", 1)[0]
    return _new(NEW_MODULES.get(top), f"the module {top}", failure)


def _new_syntax(match: re.Match[str], failure: Failure) -> Mapping[str, str] | None:
    _, line = _refused_line(match.string, failure)
    here = python_of(failure)
    if here is None:
        return None
    newer = (since for sign, since in _NEW_SYNTAX if sign.search(line) and is_older(here, since))
    return _new(next(newer, None), f"`{line.strip()[:80]}`", failure)


def _new_operation(match: re.Match[str], failure: Failure) -> Mapping[str, str] | None:
    found = match.groupdict()
    since = "3.9" if found["generic"] else "3.12" if found["quote"] else "3.10"
    return _new(since, "what Python did not know before", failure)


_NAME = (
    r"^(?:AttributeError: (?:module |type object )?'(?P<owner>[\w.]+)'(?: object)? has no "
    r"attribute '(?P<attribute>\w+)'"
    r"|ImportError: cannot import name '?(?P<name>\w+)'? from '(?P<from>[\w.]+)')"
)
_2_TEXT = "the code is written for Python 2"
_2_NEXT = 'write `python.version = "2.7"` into repro.toml'
_2_MENDS = (Mend(settings={"python.version": "2.7"}),)
_GONE_TEXT = "the code uses {what}, which Python has no more since {below}"
_GONE_NEXT = 'write `python.version = "<{below}"` into repro.toml'
_GONE_MENDS = (Mend(settings={"python.version": "<{below}"}),)
_NEW_TEXT = "the code uses {what}, which Python has since {since}"
_NEW_NEXT = 'write `python.version = ">={since}"` into repro.toml'
_NEW_MENDS = (Mend(settings={"python.version": ">={since}"}),)

DIAGNOSES = (
    Pattern("newer-python", _MODULE, _GONE_TEXT, _GONE_NEXT, _gone_module, _GONE_MENDS),
    Pattern(
        "removed-from-python", re.compile(_NAME), _GONE_TEXT, _GONE_NEXT, _gone_name, _GONE_MENDS
    ),
    Pattern("python-2-module", _MODULE, _2_TEXT, _2_NEXT, _python_2_module, _2_MENDS),
    Pattern("python-2-name", re.compile(_NAME), _2_TEXT, _2_NEXT, _python_2_name, _2_MENDS),
    Pattern(
        "python-2-syntax",
        re.compile(
            r"^(?:SyntaxError: (?:Missing parentheses in call to '(?:print|exec)'"
            r"|multiple exception types must be parenthesized"
            r"|leading zeros in decimal integer literals)"
            r"|TabError: inconsistent use of tabs"
            r"|NameError: name '(?:xrange|raw_input|unicode|basestring|unichr|reduce|long|execfile"
            r"|cmp|file)' is not)"
        ),
        _2_TEXT,
        _2_NEXT,
        _python_2_syntax,
        _2_MENDS,
    ),
    Pattern("older-python-name", re.compile(_NAME), _NEW_TEXT, _NEW_NEXT, _new_name, _NEW_MENDS),
    Pattern("older-python-module", _MODULE, _NEW_TEXT, _NEW_NEXT, _new_module, _NEW_MENDS),
    Pattern(
        "older-python-syntax",
        re.compile(r"^SyntaxError: (?:invalid syntax|expected ':')"),
        _NEW_TEXT,
        _NEW_NEXT,
        _new_syntax,
        _NEW_MENDS,
    ),
    Pattern(
        "older-python-operation",
        re.compile(
            r"^TypeError: (?:(?P<generic>'(?:type|ABCMeta)' object is not subscriptable)"
            r"|unsupported operand type\(s\) for \|: '(?:type|NoneType|_GenericAlias|ABCMeta)' and "
            r"|zip\(\) takes no keyword arguments)"
            r"|^SyntaxError: (?P<quote>f-string expression part cannot include a backslash"
            r"|f-string: (?:expecting '\}'|unmatched '\('|unterminated string))"
        ),
        _NEW_TEXT,
        _NEW_NEXT,
        _new_operation,
        _NEW_MENDS,
    ),
)
