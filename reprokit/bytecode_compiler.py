"""Compiles Python files inside an image, so that every build has the same byte-code.

    PYTHONHASHSEED=0 python3 -Ss bytecode_compiler.py FOLDER...            what has none yet
    PYTHONHASHSEED=0 python3 -Ss bytecode_compiler.py --again FOLDER...    what has some, anew

marshal marks each object that something else refers to at that moment, so the bytes depend on all
that the process compiled before (python/cpython#78274, astral-sh/uv#10619), and a set's order on
the seed of the hashes. So each folder is compiled by a process of its own, in the order of names,
forked from one that has compiled nothing. The header has the source's hash, and no time.

Standard library only, for the Python 3.5 or later of whatever image it is.
"""

import gc
import marshal
import os
import py_compile
import sys
import types
import warnings

_NO_CODE = (py_compile.PyCompileError, ValueError, RecursionError, OverflowError, MemoryError)
"""Templates and tests of compilers: not everything that ends in .py is Python."""


def main(arguments):  # type: (list[str]) -> int
    again = arguments[:1] == ["--again"]
    groups = sorted(
        group
        for top in arguments[again:]
        for folder, _, names in os.walk(top)
        for group in (_sources(folder, names, again),)
        if group
    )
    if sys.version_info < (3, 7):  # whose byte-code always has a time in it
        return 0
    warnings.simplefilter("ignore")
    gc.disable()
    # The largest first: the last one to end is then a short one.
    return _in_processes(sorted(groups, key=len, reverse=True))


def _sources(folder, names, again):  # type: (str, list[str], bool) -> list[str]
    found = []
    for name in sorted(names):
        if name.endswith(".py"):
            source = os.path.join(folder, name)
            compiled = _compiled(source)
            if os.path.exists(compiled) == again:
                found.append(source)
                if again:
                    os.remove(compiled)
    return found


def _compiled(source):  # type: (str) -> str
    folder, name = os.path.split(source)
    tag = sys.implementation.cache_tag
    return os.path.join(folder, "__pycache__", "{}.{}.pyc".format(name[:-3], tag))


def _in_processes(groups):  # type: (list[list[str]]) -> int
    free = len(os.sched_getaffinity(0))
    failed = 0
    for group in groups:
        if free:
            free -= 1
        else:
            failed |= os.wait()[1]
        if os.fork() == 0:
            code = 1
            try:
                for source in group:
                    _compile(source)
                code = 0
            except OSError as error:
                sys.stderr.write("{}\n".format(error))
            finally:
                os._exit(code)
    while True:
        try:
            failed |= os.wait()[1]
        except ChildProcessError:
            return 1 if failed else 0


def _compile(source):  # type: (str) -> None
    mode = py_compile.PycInvalidationMode.UNCHECKED_HASH
    try:
        py_compile.compile(source, doraise=True, invalidation_mode=mode)
    except _NO_CODE:
        return
    if sys.version_info < (3, 11):
        # Before 3.11 marshal wrote sets in the order of hashes, and that of None is an address.
        compiled = _compiled(source)
        with open(compiled, "rb") as opened:
            if _has_unordered_set(marshal.loads(opened.read()[16:])):
                os.remove(compiled)


def _has_unordered_set(value):  # type: (object) -> bool
    if isinstance(value, types.CodeType):
        return any(map(_has_unordered_set, value.co_consts))
    if isinstance(value, tuple):
        return any(map(_has_unordered_set, value))
    return isinstance(value, frozenset) and not all(map(_has_fixed_hash, value))


def _has_fixed_hash(value):  # type: (object) -> bool
    if isinstance(value, tuple):
        return all(map(_has_fixed_hash, value))
    return isinstance(value, (str, bytes, int, float, complex))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
