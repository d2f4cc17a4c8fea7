"""Detect: what an R project declares and what its code uses, without R."""

from __future__ import annotations

import re
from collections.abc import Iterable

from reprokit import binder, lock_file
from reprokit.ecosystems.r import conda, defaults
from reprokit.ecosystems.r.code import INSTALL_SCRIPTS, CodeFile, code_files, used_packages
from reprokit.ecosystems.r.declarations import Declared, description, install_script, renv_lock
from reprokit.ecosystems.r.distribution import PYTHON_CHUNKS
from reprokit.ecosystems.r.documents import formats
from reprokit.ecosystems.r.entries import entries, whole_entry
from reprokit.ecosystems.r.notebooks import KERNEL
from reprokit.ecosystems.r.usage import COPIES, compiling, desktop_calls, first_call, uses
from reprokit.ecosystems.r.versions import PACKAGE
from reprokit.model import JSON, Detection, Note, Reason, Requirement, Runtime, SystemPackage
from reprokit.project import Project

# What rmarkdown's pdf_document needs of a TeX distribution (its default template's packages).
FONTS = "fonts-urw-base35"
"""Nimbus Sans, which fontconfig takes for Helvetica."""
_DRAWING = frozenset(
    {
        "png",
        "jpeg",
        "tiff",
        "bmp",
        "svg",
        "cairo_pdf",
        "ggsave",
        "CairoPNG",
        "dev.copy",
        "dev.print",
    }
)
LATEX = ("lmodern", "texlive-latex-recommended", "texlive-fonts-recommended", "texlive-xetex")
# Formats that go through LaTeX: rmarkdown's, bookdown's, tufte's, papaja's, and rticles's.
_PDF_FORMAT = re.compile(
    r"(?:.*::)?(?:pdf_\w+|beamer_\w+|latex_\w+|tufte_(?:handout|book)|\w+_pdf)|rticles::\w+"
)
_PDF_CALL = re.compile(r"\b(?:pdf_document2?|pdf_book|beamer_presentation2?)\b")
# What more a document's header may ask of LaTeX, and which of Debian's packages has it.
LATEX_MORE = (
    (re.compile(r"\blualatex\b"), ("texlive-luatex",)),
    (re.compile(r"\bbiblatex\b"), ("biber", "texlive-bibtex-extra")),
    (
        re.compile(
            r"^\s*(?:header-includes|includes|template)\s*:|\busepackage\b|\brticles::"
            r"|\bpapaja::|\btufte_",
            re.MULTILINE,
        ),
        ("texlive-latex-extra",),
    ),
)
# Packages that write LaTeX which needs more than the default template's packages.
_LATEX_WRITERS = frozenset({"kableExtra", "gt", "huxtable", "tinytable", "stargazer"})
_RENV_START, _RENV_SWITCH = "renv/activate.R", "RENV_CONFIG_AUTOLOADER_ENABLED"
# Chunks in these languages are compiled by knitr.
_COMPILED_ENGINES = frozenset({"rcpp", "stan", "c", "cc", "fortran", "fortran95"})


def detect(project: Project) -> Detection | None:
    """What makes this an R project, or `None` where nothing does."""
    declared, files = _declarations(project)
    code = code_files(project)
    from_conda = conda.declared(project, lambda: used_packages(code))
    if from_conda is not None:
        declared, files = [*declared, from_conda[0]], (*files, from_conda[1])
    if not files and not code:
        return None
    own = next((d.package for d in declared if d.package is not None), None)
    requirements = [r for d in declared for r in d.requirements]
    renv = project.has("renv.lock")
    used, optional, notes = _used(code, requirements, own, renv=renv)
    requirements += used
    if renv and not any(r.name == "renv" for r in used):
        # The lock names renv itself, which serves to install: that is reprokit's part here.
        optional.add("renv")
    documents, more_notes, system = _documents(code, _renders_pdf(project, code))
    if documents and project.has("_bookdown.yml"):
        book = Reason(text="the documents are a book", file="_bookdown.yml")
        documents.append(Requirement(name="bookdown", reason=book))
    documents += [
        Requirement(name=KERNEL, reason=Reason(text="a notebook of R", file=file.path))
        for file in code
        if file.notebook
    ]
    known = {r.name for r in requirements} - optional
    requirements += [r for r in _first_of_each(documents) if r.name not in known]
    optional -= {r.name for r in documents}
    notes = [*(n for d in declared for n in d.notes), *notes, *more_notes]
    if project.has("DESCRIPTION") and "DESCRIPTION" not in files:
        text = "has none of R's fields `Package:`, `Type:`, `Imports:`, `Depends:`; it is not read"
        reason = Reason(text="is not written as R reads it", file="DESCRIPTION", line=1)
        notes.append(Note(level="warning", text=text, reason=reason))
    settings: dict[str, JSON] = {"optional": [*sorted(optional)]}
    unused = _unused(requirements, code) - optional - {r.name for r in documents}
    if unused:
        settings["unused"] = [*sorted(unused)]
    compiles = _compiles(code, {r.name for r in requirements})
    if compiles is not None:
        settings["compiles"] = {
            "text": compiles.text, "file": compiles.file, "line": compiles.line,
        }  # fmt: skip
        text = "code is compiled at run time: the image carries the compilers"
        notes.append(Note(level="information", text=text, reason=compiles))
    # Where there is a lock, its author has run it in a container.
    unattended = project.lenient and not project.has(lock_file.NAME)
    desktop = _desktop(code) if unattended else ()
    if desktop:
        settings["desktop"] = [str(note.reason) for note in desktop]
        notes += desktop
    if unattended:
        settings[defaults.HINTS] = defaults.hints(code)
        system += _fonts(code)
    if renv:
        # The start-up code of renv before 0.14 knows no switch, and has to be told something else.
        start = project.read(_RENV_START) if project.has(_RENV_START) else _RENV_SWITCH
        settings["renv"] = True if _RENV_SWITCH in start else "early"
    if from_conda is not None:
        settings["conda"] = [*sorted(r.name for r in from_conda[0].requirements)]
    if own is not None and _loads(code, own) and project.has("NAMESPACE"):
        settings["package"] = own
        settings["compiled"] = any(path.startswith("src/") for path in project.files)
    whole = whole_entry(project)
    return Detection(
        ecosystem="r",
        files=files,
        requirements=tuple(requirements),
        runtimes=_runtimes(declared, files, code),
        system_packages=tuple(system),
        entries=(whole,) if whole is not None else entries(code, own),
        notes=tuple(notes),
        settings=settings,
    )


def _fonts(code: Iterable[CodeFile]) -> list[SystemPackage]:
    """R draws text of pictures in Helvetica, which at a desk is some font of its kind. An image has
    DejaVu alone, which is a tenth wider: what was published looks other."""
    for file in code:
        call = first_call(file.code, _DRAWING)
        if call is not None or file.path.lower().endswith((".rmd", ".qmd", ".rnw")):
            text = "draws text" if call is None else f"{call[0]}() draws text"
            line = None if call is None else file.line(call[1])
            reason = Reason(text=f"{text} in Helvetica", file=file.path, line=line)
            return [SystemPackage(name=FONTS, reason=reason)]
    return []


def _declarations(project: Project) -> tuple[list[Declared], tuple[str, ...]]:
    declared, files = [], []
    if project.has("DESCRIPTION"):
        text = project.read("DESCRIPTION")
        # Other programs have files of this name: R's has one of its fields.
        if re.search(r"^(?:Package|Type|Imports|Depends)[ \t]*:", text, re.MULTILINE):
            declared.append(description("DESCRIPTION", text))
            files.append("DESCRIPTION")
    if project.has("renv.lock"):
        declared.append(renv_lock("renv.lock", project.read("renv.lock")))
        files.append("renv.lock")
    inside = binder.folder(project)
    scripts = project.at_root("*.R", "*.r")
    if inside is not None and project.has(f"{inside}/install.R"):
        # What Binder installs is meant to run the project; the other may be for other ends.
        scripts = (f"{inside}/install.R",)
    for path in scripts:
        if path.rpartition("/")[2].lower() in INSTALL_SCRIPTS:
            declared.append(install_script(path, project.read(path)))
            files.append(path)
    return declared, tuple(files)


def _used(
    code: tuple[CodeFile, ...], declared: list[Requirement], own: str | None, *, renv: bool
) -> tuple[list[Requirement], set[str], list[Note]]:
    """Packages the code uses and nothing declares; which of them it can go on without."""
    known = {r.name for r in declared}
    needed: dict[str, Requirement] = {}
    tried: dict[str, Requirement] = {}
    notes = []
    for file, use in used_packages(code):
        reason = Reason(text=use.how, file=file.path, line=file.line(use.line))
        if use.way == "installs":
            if file.path.rpartition("/")[2].lower() not in INSTALL_SCRIPTS:
                text = f"{use.how} cannot install anything at run time: the network is off"
                notes.append(Note(level="warning", text=text, reason=reason))
        elif use.package not in known and use.package != own:
            into = needed if use.way == "needs" else tried
            into.setdefault(use.package, Requirement(name=use.package, reason=reason))
    if declared and needed:
        notes += [
            Note(
                level="information",
                text=f"{name} is used but not declared; "
                + ("its version is not pinned by renv.lock" if renv else "it is added"),
                reason=requirement.reason,
            )
            for name, requirement in sorted(needed.items())
        ]
    optional = set(tried) - set(needed)
    found = [*needed.values(), *(tried[name] for name in optional)]
    return sorted(found, key=lambda r: r.name), optional, notes


def _unused(requirements: Iterable[Requirement], code: tuple[CodeFile, ...]) -> set[str]:
    """What only renv.lock names: mostly what other packages need. The code does without it where
    those packages come from elsewhere."""
    used = {use.package for _, use in used_packages(code)}
    return {r.name for r in requirements if r.reason.file == "renv.lock" and r.name not in used}


def _renders_pdf(project: Project, code: tuple[CodeFile, ...]) -> bool:
    """Whether a script, Makefile or shell script asks for a PDF whatever a header says."""
    texts = [file.code for file in code if file.document is None]
    texts += [project.read(path) for path in project.matching("Makefile", "*.sh")]
    return any(_PDF_CALL.search(text) for text in texts)


def _desktop(code: tuple[CodeFile, ...]) -> tuple[Note, ...]:
    """What a rerun does not do as the code says: the first call of each kind."""
    first: dict[str, Note] = {}
    for file in code:
        for call, line in desktop_calls(file.code):
            reason = Reason(text=call, file=file.path, line=file.line(line))
            name = call.partition("(")[0]
            if name in COPIES:
                text = f"{call} copies what a screen shows: what is drawn on none is remembered"
                note = Note(level="information", text=text, reason=reason)
            else:
                text = f"{call} is for the author's machine, and passed over"
                note = Note(level="warning", text=text, reason=reason)
            first.setdefault(name, note)
    return tuple(first.values())


def _compiles(code: tuple[CodeFile, ...], packages: set[str]) -> Reason | None:
    """The first call or chunk that runs a compiler while the experiment runs."""
    for file in code:
        for call in compiling(file.code):
            if call.package in packages:
                return Reason(text=f"{call.function}()", file=file.path, line=file.line(call.line))
        engines = file.document.engines & _COMPILED_ENGINES if file.document is not None else ()
        for engine in sorted(engines):
            return Reason(text=f"has chunks of {engine}", file=file.path, line=1)
    return None


def _documents(
    code: tuple[CodeFile, ...], pdf_everywhere: bool
) -> tuple[list[Requirement], list[Note], list[SystemPackage]]:
    """What R Markdown needs besides the packages its code uses."""
    requirements, notes, system = [], [], []
    for file in code:
        if file.document is None:
            continue
        if file.path.endswith(".qmd"):
            text = "Quarto itself cannot be installed; give a command that does without it"
            notes.append(Note(level="warning", text=text, reason=Reason(text="", file=file.path)))
            continue
        reason = Reason(text="R Markdown", file=file.path, line=1)
        requirements.append(Requirement(name="rmarkdown", reason=reason))
        system.append(SystemPackage(name="pandoc", reason=reason))
        if "python" in file.document.engines:
            chunk = Reason(text=PYTHON_CHUNKS, file=file.path, line=1)
            requirements.append(Requirement(name="reticulate", reason=chunk))
            text = "Python packages of its chunks are installed where requirements.txt names them"
            notes.append(Note(level="information", text=text, reason=chunk))
        named = formats(file.document.header)
        for package in sorted({name.partition("::")[0] for name in named if "::" in name}):
            if PACKAGE.fullmatch(package):
                template = Reason(text=f"its format is of {package}", file=file.path, line=1)
                requirements.append(Requirement(name=package, reason=template))
        if pdf_everywhere or any(_PDF_FORMAT.fullmatch(name) for name in named):
            latex = Reason(text="makes a PDF through LaTeX", file=file.path, line=1)
            system += [SystemPackage(name=name, reason=latex) for name in _latex(file)]
    return requirements, notes, list({s.name: s for s in reversed(system)}.values())


def _latex(file: CodeFile) -> tuple[str, ...]:
    """The packages of Debian's TeX Live for one document."""
    header = file.document.header if file.document is not None else ""
    more = [name for pattern, names in LATEX_MORE if pattern.search(header) for name in names]
    if any(use.package in _LATEX_WRITERS for use in uses(file.code)):
        more.append("texlive-latex-extra")
    return (*LATEX, *more)


def _first_of_each(requirements: Iterable[Requirement]) -> list[Requirement]:
    unique: dict[str, Requirement] = {}
    for requirement in requirements:
        unique.setdefault(requirement.name, requirement)
    return list(unique.values())


def _loads(code: tuple[CodeFile, ...], package: str) -> bool:
    return any(
        use.package == package
        for file in code
        if not file.path.startswith("R/")
        for use in uses(file.code)
    )


def _runtimes(
    declared: list[Declared], files: tuple[str, ...], code: tuple[CodeFile, ...]
) -> tuple[Runtime, ...]:
    stated = tuple(runtime for d in declared for runtime in d.runtimes)
    if stated:
        return stated
    first = (files or tuple(file.path for file in code))[0]
    return (Runtime(language="r", specifier="", reason=Reason(text="is R", file=first)),)
