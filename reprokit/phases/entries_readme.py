"""The commands a README tells people to type.

Only lines that start a known program on files that exist here count, and only where the whole
line is understood: half of a pipeline is not what the author wrote.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from reprokit.model import Argv, Entry, Note, Reason, Step
from reprokit.phases.entries_makefile import MAKEFILES, MAVEN, only_fetches
from reprokit.phases.entries_scripts import folders, notebook_step, obstacle
from reprokit.project import Project

RANK = 20
EXAMPLE = 21
"""The rank of commands that the README gives as an example beside others."""
_NAMES = re.compile(
    r"(?:readme|reproduce|reproducing|reproducibility)(?:\.(?:md|rst|txt|markdown))?", re.I
)
_FENCE = re.compile(r"^\s*(?P<mark>`{3,}|~{3,})\s*(?P<language>[\w+-]*)")
_SHELLS = frozenset(
    {"", "bash", "sh", "shell", "console", "zsh", "text", "shell-session", "terminal"}
)
_PROMPT = re.compile(r"^\s*(?:\(\w+\)\s*)?(?:[$%]|>>?)\s+")
_INLINE = re.compile(r"(?<!`)`{1,2}(?P<command>[^`\n]+)`{1,2}(?!`)")
_ALONE = re.compile(r"(?:python[\d.]*|ipython3?|Rscript|bash|sh)\s+\S+\.\w+(?:\s+\S*[\w/]){0,2}")
_EXAMPLE = re.compile(r"\be\. ?g\.|\bfor (?:example|instance)\b", re.IGNORECASE)
_MAVEN_RUNS = re.compile(r"exec:(?:java|exec)(?:@[\w.-]+)?")
_ALL = frozenset({"all", "--all"})
_PLACEHOLDER = re.compile(r"`|<[^>]*>|\[[^\]]*\]|\.\.\.|…|\$\{?\w|/path/|path/to|\bYOUR_|\{\w*\}")
_JUPYTER_SHOWS = frozenset({"notebook", "lab", "nbconvert", "execute", "run"})
_FILTERS = frozenset({"tee", "sort", "head", "tail", "uniq", "cut", "grep", "wc", "cat"})
_OTHER_PURPOSE = re.compile(
    r"(?:verify|check|test|install|setup|clean|compare|build|compile)(?:[_-].*)?(?:\.\w+)?"
)
_PREPARATION = frozenset(
    {
        "pip", "pip3", "conda", "mamba", "git", "mvn", "ant", "sudo", "apt", "apt-get", "source",
        "mkdir", "export", "echo", "docker", "curl", "wget", "ls", "virtualenv", "uv",
    }
)  # fmt: skip
# What `make` makes in such a folder is the article, not the results in it.
_MANUSCRIPTS = frozenset(
    {"article", "doc", "docs", "latex", "manuscript", "paper", "report", "slides", "tex", "thesis"}
)
_ASSIGNMENT = re.compile(r"[A-Za-z_][A-Za-z0-9_]*=.*")
_SEPARATORS = frozenset({"&&", ";"})
_PLAIN_OPERATORS = frozenset({">", ">>", "<", "|", ">&"})


@dataclass(slots=True)
class _Block:
    """Commands that stand together, and where the first of them stands. inline: in a sentence.
    example: a sentence before them says that they are one."""

    line: int
    inline: bool = False
    example: bool = False
    steps: list[Step] = field(default_factory=list)


def candidates(
    project: Project, java: Argv | None = None, programs: frozenset[str] = frozenset()
) -> tuple[list[Entry], list[Note]]:
    """One candidate for each block of commands, and one for all blocks in order that are not there
    for example only, of the first README that has any; and which commands were left out.

    programs: commands that the project itself installs, and Maven where the image has what starts
    the program in its place. java: how the build tool's program is
    started; a README's `java -jar target/x.jar ARGUMENTS` stands for that, as the jar does not
    exist before the build.
    """
    reader = _Reader(project, java, programs)
    for file, folder in readmes(project):
        entries = _of_file(reader, file, folder)
        if entries:
            return entries, [_left_out(words, file) for words in dict.fromkeys(reader.fetches)]
    return [], []


def _left_out(words: tuple[str, ...], file: str) -> Note:
    text = f"`{' '.join(words)}` is left out: it only downloads, and a run has no network"
    return Note(level="warning", text=text, reason=Reason(text=text, file=file))


def readmes(project: Project) -> Iterator[tuple[str, str]]:
    """The project's READMEs, and then those beside its scripts, each with its folder."""
    for folder in dict.fromkeys(("", *folders(project, ".py", ".R", ".r", ".ipynb"))):
        for name in project.folders.get(folder.rstrip("/"), ()):
            if _NAMES.fullmatch(name):
                yield folder + name, folder.rstrip("/") or "."


def _of_file(reader: _Reader, file: str, folder: str) -> list[Entry]:
    blocks = [b for b in _blocks(reader.project.read(file), reader, folder) if b.steps]
    fenced = [block for block in blocks if not block.inline]
    unique: dict[tuple[Step, ...], _Block] = {}
    for block in fenced or blocks:
        unique.setdefault(tuple(block.steps), block)
    unique = _without_parts(unique)
    main = {steps: block for steps, block in unique.items() if not block.example} or unique
    found = [
        Entry(
            steps=steps,
            reason=_reason("commands of the README", file, block),
            rank=RANK if steps in main else EXAMPLE,
        )
        for steps, block in unique.items()
    ]
    if len(main) > 1:
        together = tuple(dict.fromkeys(step for steps in main for step in steps))
        first = next(iter(main.values()))
        reason = _reason("all commands of the README, in order", file, first)
        found.append(Entry(steps=together, reason=reason, rank=RANK))
    return found


def _without_parts(
    blocks: dict[tuple[Step, ...], _Block],
) -> dict[tuple[Step, ...], _Block]:
    """Without a script's other commands where one of them makes all (`run.py f1`, `run.py all`)."""
    alone = [steps[0] for steps in blocks if len(steps) == 1]
    whole = [step for step in alone if step.argv[-1] in _ALL]
    parts = {
        step
        for step in alone
        for other in whole
        if step.folder == other.folder and step.argv[:-1] in (other.argv[:-1], other.argv[:-2])
    }
    return {
        steps: block
        for steps, block in blocks.items()
        if len(steps) > 1 or steps[0] not in parts or steps[0] in whole
    }


def _reason(text: str, file: str, block: _Block) -> Reason:
    return Reason(text=text, file=file, line=block.line)


def _blocks(text: str, reader: _Reader, start: str) -> Iterator[_Block]:
    """The blocks of a README in the folder `start`."""
    fence: str | None = None
    wanted = False
    block: _Block | None = None
    folder = start
    pending = said = ""
    for number, line in enumerate(text.split("\n"), start=1):
        mark = _FENCE.match(line)
        if mark is not None and (fence is None or mark["mark"].startswith(fence)):
            if block is not None:
                yield block
            block, folder, pending = None, start, ""
            wanted = fence is None and mark["language"].lower() in _SHELLS
            fence = mark["mark"] if fence is None else None
            continue
        indented = fence is None and re.match(r"(?: {3,}|\t)", line) is not None
        if (
            (fence is not None and wanted)
            or (indented and _PROMPT.match(line))
            or (indented and block is not None and not block.inline)
            or (indented and block is None)
        ):
            if line.rstrip().endswith("\\"):
                pending += line.rstrip()[:-1] + " "
                continue
            command = pending + line
            pending = ""
            block = block or _Block(number, example=_is_example(said))
            steps, folder = reader.steps(_PROMPT.sub("", command).strip(), folder)
            if steps and not block.steps:
                block.line = number
            block.steps += steps
        elif fence is None:
            if block is not None and line.strip():
                yield block
                block, folder = None, start
            said = line if line.strip() else said
            for command in _in_sentence(line):
                steps, _ = reader.steps(command, start)
                if steps:
                    yield _Block(number, inline=True, example=_is_example(line), steps=steps)
    if block is not None:
        yield block


def _in_sentence(line: str) -> list[str]:
    """The commands marked as code in a line of text, and a line that is nothing but a command."""
    marked = [match["command"].strip() for match in _INLINE.finditer(line)]
    return [line.strip()] if _ALONE.fullmatch(line.strip()) else marked


def _is_example(sentence: str) -> bool:
    return _EXAMPLE.search(sentence) is not None


@dataclass(frozen=True, slots=True)
class _Reader:
    """Turns a line of shell into steps, as far as it is understood."""

    project: Project
    java: Argv | None
    programs: frozenset[str]
    fetches: list[tuple[str, ...]] = field(default_factory=list)

    def steps(self, line: str, folder: str) -> tuple[list[Step], str]:
        """The steps of a line that starts in `folder`, and the folder after it; no steps where
        any part of the line is not understood."""
        if not line or line.startswith("#") or _PLACEHOLDER.search(line):
            return [], folder
        try:
            lexer = shlex.shlex(line, posix=True, punctuation_chars="&;|<>()")
            lexer.whitespace_split = True
            words = list(lexer)
        except ValueError:
            return [], folder
        if "(" in words or ")" in words or "&" in words or "||" in words:
            return [], folder
        parts = list(_split(words))
        if any(word in _PLAIN_OPERATORS for word in words):
            # Nothing that the shell would expand, which a file to write to could be as well.
            plain = not {"$", "`"} & set(line)
            known = plain and all(self._understood(part, folder) for part in parts)
            return ([Step(argv=("sh", "-c", line), folder=folder)] if known else []), folder
        found: list[Step] = []
        for part in parts:
            if part[:1] == ["cd"] and len(part) == 2:
                folder = self._entered(folder, part[1])
                continue
            step = self._simple(part, folder)
            if step is not None:
                found.append(step)
            elif _is_experiment(part):
                return [], folder
        return found, folder

    def _entered(self, folder: str, name: str) -> str:
        target = _inside(folder, name)
        if target is None or target == ".":
            return "."
        exists = any(path.startswith(f"{target}/") for path in self.project.files)
        # `cd repository` after `git clone` enters the project itself.
        return target if exists else folder

    def _understood(self, words: list[str], folder: str) -> bool:
        """Whether a part with operators is a command of the experiment, with at most filters
        behind it, that can be left to a shell as it stands."""
        pipeline: list[list[str]] = [[]]
        for word in words:
            if word == "|":
                pipeline.append([])
            else:
                pipeline[-1].append(word)
        heads = [part[: _first_operator(part)] for part in pipeline]
        if heads[0][-1:] in (["1"], ["2"]) and len(heads[0]) < len(pipeline[0]):
            heads[0] = heads[0][:-1]
        first = self._simple(heads[0], folder)
        filters = all(part and part[0] in _FILTERS for part in heads[1:])
        return first is not None and first.argv == tuple(heads[0]) and filters

    def _simple(self, words: list[str], folder: str) -> Step | None:
        """A command without operators, or `None` where it is none of the experiment's."""
        while words[:1] in (["time"], ["nohup"]):
            words = words[1:]
        assigned = list(_leading(words))
        program = words[len(assigned) :]
        if not program:
            return None
        step = self._program(program, folder)
        if step is None or not assigned:
            return step
        return Step(argv=("env", *assigned, *step.argv), folder=step.folder)

    def _program(self, words: list[str], folder: str) -> Step | None:
        name, arguments = words[0], words[1:]
        if "--help" in arguments or "--version" in arguments or _checks(words):
            return None
        if name.startswith("./") and name not in MAVEN and self._script([name], folder):
            return Step(
                argv=("bash", *words) if name.endswith(".sh") else tuple(words), folder=folder
            )
        known = False
        if name in MAVEN:
            known = "mvn" in self.programs and any(map(_MAVEN_RUNS.fullmatch, arguments))
            return Step(argv=tuple(words), folder=folder) if known else None
        if re.fullmatch(r"python(?:3(?:\.\d+)?)?|ipython3?", name):
            known = self._python(arguments, folder)
        elif name == "Rscript" or name in ("bash", "sh", "zsh"):
            known = self._script(arguments, folder)
        elif name == "R":
            known = self._script([w for w in arguments if w not in ("CMD", "BATCH", "-f")], folder)
        elif name == "make":
            known = any(self._exists(folder, makefile) for makefile in MAKEFILES) and not (
                set(arguments) & {"install", "clean", "test", "help", "build", "docker", "docs"}
            )
            known = known and PurePosixPath(folder).name.lower() not in _MANUSCRIPTS
            if known and only_fetches(self.project, folder, arguments):
                self.fetches.append(tuple(words))
                return None
        elif name == "java":
            return self._java(arguments, folder)
        elif name in ("jupyter", "jupyter-notebook", "jupyter-nbconvert", "papermill"):
            return self._notebook(name, arguments, folder)
        elif name == "snakemake":
            known = self._exists(folder, "Snakefile") or self._exists(folder, "workflow/Snakefile")
        known = known or name in self.programs
        return Step(argv=tuple(words), folder=folder) if known else None

    def _python(self, arguments: Sequence[str], folder: str) -> bool:
        if "-m" in arguments:
            module = arguments[arguments.index("-m") + 1 :][:1]
            if not module or not re.fullmatch(r"\w+(?:\.\w+)*", module[0]):
                return False
            path = module[0].replace(".", "/")
            places = (
                f"{path}.py",
                f"{path}/__main__.py",
                f"src/{path}.py",
                f"src/{path}/__main__.py",
            )
            return any(self._exists(folder, place) for place in places)
        return self._script(arguments, folder) and "setup.py" not in arguments

    def _script(self, arguments: Sequence[str], folder: str) -> bool:
        operand = next((word for word in arguments if not word.startswith("-")), None)
        path = None if operand is None else _inside(folder, operand)
        if path is None or not self.project.has(path):
            return False
        return not path.endswith(".sh") or obstacle(self.project.read(path)) is None

    def _java(self, arguments: list[str], folder: str) -> Step | None:
        place = next((i for i, word in enumerate(arguments) if word == "-jar"), None)
        if place is not None and len(arguments) > place + 1:
            jar, rest = arguments[place + 1], arguments[place + 2 :]
            if self._exists(folder, jar):
                return Step(argv=("java", *arguments), folder=folder)
        elif arguments[:1] in (["-cp"], ["-classpath"]) and len(arguments) > 2:
            rest = arguments[3:]
        else:
            return None
        return Step(argv=(*self.java, *rest)) if self.java is not None else None

    def _notebook(self, name: str, arguments: Sequence[str], folder: str) -> Step | None:
        words = [word for word in arguments if not word.startswith("-")]
        if name == "jupyter" and words[:1] and words[0] not in _JUPYTER_SHOWS:
            return None
        path = next((w for w in words if w.endswith(".ipynb") and self._exists(folder, w)), None)
        inside = None if path is None else _inside(folder, path)
        return None if inside is None else notebook_step(inside)

    def _exists(self, folder: str, name: str) -> bool:
        path = _inside(folder, name)
        return path is not None and self.project.has(path)


def _checks(words: Sequence[str]) -> bool:
    """Whether a command tests or prepares something rather than making results."""
    operand = next((word for word in words[1:] if not word.startswith("-")), "")
    script = words[0] if words[0].startswith("./") else operand
    return _OTHER_PURPOSE.fullmatch(PurePosixPath(script).name.lower()) is not None


def _inside(folder: str, name: str) -> str | None:
    """`name` as seen from `folder`, relative to the project; `None` where it leaves the project."""
    parts: list[str] = []
    if name.startswith(("/", "~")):
        return None
    for part in PurePosixPath(folder, name).parts:
        if part == "..":
            if not parts:
                return None
            parts.pop()
        elif part != ".":
            parts.append(part)
    return "/".join(parts) or "."


def _split(words: Sequence[str]) -> Iterator[list[str]]:
    part: list[str] = []
    for word in words:
        if word in _SEPARATORS:
            yield part
            part = []
        else:
            part.append(word)
    if part:
        yield part


def _leading(words: Sequence[str]) -> Iterator[str]:
    for word in words:
        if _ASSIGNMENT.fullmatch(word) is None:
            return
        yield word


def _first_operator(words: Sequence[str]) -> int:
    return next((i for i, word in enumerate(words) if word in _PLAIN_OPERATORS), len(words))


def _is_experiment(words: Sequence[str]) -> bool:
    """Whether leaving this part out would change what the line does. Installing and building are
    done before the run, so those parts may go."""
    return bool(words) and words[0] not in _PREPARATION
