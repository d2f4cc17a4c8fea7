"""The R code inside R Markdown and Quarto documents, on its own lines."""

from __future__ import annotations

import re
from dataclasses import dataclass

# After the patterns that knitr uses for chunks in Markdown (knitr::all_patterns$md).
_BEGIN = re.compile(r"[\t >]*(?P<fence>```+)\s*\{(?P<engine>[A-Za-z0-9_]+)(?P<options>[^}]*)\}\s*")
_END = re.compile(r"[\t >]*(?P<fence>```+)\s*")
_INLINE = re.compile(r"(?<!`)`r[ #]([^`]+)`")
_NOT_EVALUATED = re.compile(r"\beval\s*[=:]\s*(?:FALSE|F|false|no)\b")
_OPTION_LINE = re.compile(r"\s*#\|")


@dataclass(frozen=True, slots=True)
class Document:
    """A document's R code with every other line blank, so that line numbers stay true."""

    code: str
    engines: frozenset[str]
    header: str


def document(text: str) -> Document:
    """Read a document. Chunks with eval=FALSE are not code; inline `r …` is."""
    lines = text.splitlines()
    header = _header(lines)
    code: list[str] = []
    engines: set[str] = set()
    chunk: tuple[str, bool] | None = None
    for line in lines:
        code.append("")
        if chunk is None:
            begin = _BEGIN.fullmatch(line)
            if begin is not None:
                engine = begin["engine"].lower()
                evaluated = _NOT_EVALUATED.search(begin["options"]) is None
                if evaluated:
                    engines.add(engine)
                chunk = (begin["fence"], engine == "r" and evaluated)
            else:
                inline = _INLINE.findall(line)
                code[-1] = "; ".join(inline)
                engines.update({"r"} if inline else ())
            continue
        fence, wanted = chunk
        end = _END.fullmatch(line)
        if end is not None and len(end["fence"]) >= len(fence):
            chunk = None
        elif _OPTION_LINE.match(line):
            if _NOT_EVALUATED.search(line):
                chunk = (fence, False)
        elif wanted:
            code[-1] = line
    return Document("\n".join(code), frozenset(engines), header)


def formats(header: str) -> tuple[str, ...]:
    """The output formats that a document's header names, in order ("html_document",
    "bookdown::pdf_document2"); none where it names none or is no YAML."""
    import yaml

    try:
        # Composed, not constructed: R's own tags (`!expr`) mean nothing here and run nothing.
        root = yaml.compose(header, Loader=yaml.SafeLoader)
    except yaml.YAMLError:
        return ()
    if not isinstance(root, yaml.MappingNode):
        return ()
    for key, value in root.value:
        if key.value != "output":
            continue
        if isinstance(value, yaml.ScalarNode):
            return (value.value,)
        if isinstance(value, yaml.MappingNode):
            return tuple(name.value for name, _ in value.value if isinstance(name.value, str))
        return tuple(item.value for item in value.value if isinstance(item.value, str))
    return ()


def _header(lines: list[str]) -> str:
    if not lines or lines[0].strip() != "---":
        return ""
    for number, line in enumerate(lines[1:], start=1):
        if line.strip() in ("---", "..."):
            return "\n".join(lines[1:number])
    return ""
