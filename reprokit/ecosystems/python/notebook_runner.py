#!/opt/reprokit/notebook/bin/python
"""Run a notebook from a clean kernel, without a display; the result is results/NAME.ipynb.

Usage: repro-notebook NOTEBOOK [--parameters JSON]. Ends with status 1 and the cell's traceback when
a cell fails; the notebook as far as it came is written all the same. Parameters are given as
papermill gives them: in a cell of their own, after the one that is tagged "parameters". Lines that
call reprokit itself (`%repro run`) are left out: the notebook already runs in its container. A cell
`%%repro` in Python runs here, with a namespace of its own; those in R and of a shell are left out,
and so are cells tagged "skip-execution", as nbclient does. Which cell begins, and what the cells
print, is printed as it comes. SIGTERM ends it, and what the notebook holds by then is written.
"""

import json
import os
import re
import signal
import sys
import tempfile
from pathlib import Path
from typing import Any

KERNELS = "/opt/reprokit/notebook/share/reprokit"
RESULTS = "/app/results"
LANGUAGES = {"python": "reprokit", "r": "reprokit-r"}
OWN_LINE = re.compile(r"^([ \t]*)%(?:repro\b|(?:re)?load_ext[ \t]+reprokit\b).*$", re.MULTILINE)
# A cell that keeps what a run gave goes on to use it, and that is not there in the container.
OWN_CELL = re.compile(r"\s*%%repro\b|^[ \t]*[\w.]+[ \t]*=[ \t]*%repro\b", re.MULTILINE)
PYTHON = ("python", "python3", "py")
CONTAINER_CELL = re.compile(r"\s*%%repro\b([^\n]*)\n(.*)", re.DOTALL)
# Run in the kernel in place of such a cell, whose container this is already.
IN_PLACE = """
def run(source, given, wanted):
    import ast, copy, linecache
    linecache.cache["<cell>"] = (len(source), None, source.splitlines(True), "<cell>")
    scope = {"__name__": "__main__"}
    scope.update(copy.deepcopy(given))
    tree = ast.parse(source, "<cell>")
    last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
    exec(compile(tree, "<cell>", "exec"), scope)
    if last is not None:
        exec(compile(ast.Interactive([last]), "<cell>", "single"), scope)
    for name in wanted:
        if name not in scope:
            raise NameError("the cell sets no " + name + ", which -o names")
    return {name: scope[name] for name in wanted}
"""
SKIPPED = "skip-execution"
INJECTED = "injected-parameters"


def main(arguments: "list[str]") -> int:
    """Execute one notebook; the status to end with."""
    parameters = {}
    if len(arguments) == 3 and arguments[1] == "--parameters":
        parameters = json.loads(arguments[2])
    elif len(arguments) != 1:
        print("usage: repro-notebook NOTEBOOK [--parameters JSON]", file=sys.stderr)
        return 2
    path = Path(arguments[0]).absolute()
    if not path.is_file():
        print(f"repro-notebook: {arguments[0]} does not exist", file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory(prefix="repro-notebook-") as temporary:
        # Whoever runs this may own no home folder.
        for name in ("JUPYTER_RUNTIME_DIR", "JUPYTER_DATA_DIR", "JUPYTER_CONFIG_DIR", "IPYTHONDIR"):
            folder = Path(temporary) / name.lower()
            folder.mkdir()
            os.environ[name] = str(folder)
        os.environ["JUPYTER_PATH"] = os.environ.get("REPRO_KERNELS", KERNELS)
        return execute(path, f"{temporary}/kernel", parameters)


def execute(path: Path, socket: str, parameters: "dict[str, Any]") -> int:
    """Run the notebook's cells in its own folder and write the result down.

    socket: the beginning of the paths of the kernel's sockets.
    """
    import nbformat as imported
    from nbclient.exceptions import CellExecutionError, DeadKernelError
    from traitlets.config import Config

    nbformat: Any = imported
    try:
        notebook = nbformat.reads(_mended(path.read_text(encoding="utf-8-sig")), as_version=4)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        print(f"repro-notebook: {path.name} is no valid notebook: {error}", file=sys.stderr)
        return 2
    except nbformat.ValidationError as error:
        print(f"repro-notebook: {path.name} is no valid notebook: {error}", file=sys.stderr)
        return 2
    language = language_of(notebook.metadata)
    if language not in LANGUAGES:
        message = (
            f"repro-notebook: {path.name} needs a kernel for {language}; there are Python and R"
        )
        print(message, file=sys.stderr)
        return 2
    if parameters:
        inject(notebook, parameters, language)
    sources = _made_ready(notebook, language)
    target = Path(os.environ.get("REPRO_RESULTS", RESULTS)) / path.name

    def write() -> None:
        for cell, source in sources:
            cell.source = source
        for cell in notebook.cells:
            if cell.cell_type == "code":
                cell.outputs = joined(cell.outputs)
        target.parent.mkdir(parents=True, exist_ok=True)
        with target.open("w", encoding="utf-8") as file:
            nbformat.write(notebook, file)

    def stop(number: int, frame: object) -> None:
        try:
            write()
        finally:
            os._exit(128 + number)  # the kernel may be busy for long: it ends with the container

    # R's kernel knows no sockets in folders. A container's own loopback is nobody else's either.
    private = {"transport": "ipc", "ip": socket} if language == "python" else {}
    client = _telling_client()(
        notebook,
        kernel_name=LANGUAGES[language],
        # Sockets in a private folder: nobody else on the machine can reach the kernel.
        config=Config({"KernelManager": private}),
        timeout=None,
        record_timing=False,  # the same results must give the same file
        resources={"metadata": {"path": str(path.parent)}},
    )
    client.stop = stop
    status = 0
    try:
        client.execute()
    except CellExecutionError as error:
        print(_plain(str(error)), file=sys.stderr)
        status = 1
    except (DeadKernelError, RuntimeError) as error:
        print(f"repro-notebook: {path.name}: {error or 'the kernel died'}", file=sys.stderr)
        status = 137
    try:
        write()
    except OSError as error:
        print(f"repro-notebook: {target} cannot be written: {error.strerror}", file=sys.stderr)
        return status or 1
    return status


def _telling_client() -> "type[Any]":
    """nbclient's client, which also says which cell begins and what the cells print."""
    import nbclient

    base: Any = nbclient.NotebookClient

    class TellingClient(base):  # type: ignore[misc,unused-ignore]
        stop: Any = None

        def process_message(self, msg: "dict[str, Any]", cell: Any, cell_index: int) -> Any:
            kind, content = msg["msg_type"], msg["content"]
            if kind == "execute_input":
                signal.signal(signal.SIGTERM, self.stop)  # nbclient has one that waits for the cell
                code = [c.cell_type == "code" for c in self.nb.cells]
                _say(sys.stdout, f"[code cell {sum(code[: cell_index + 1])} of {sum(code)}]\n")
            kept = super().process_message(msg, cell, cell_index)
            if kind == "stream":
                _say(sys.stderr if content["name"] == "stderr" else sys.stdout, content["text"])
            return kept

    return TellingClient


def _say(stream: Any, text: str) -> None:
    """Letters that the container's language cannot write are no reason to stop."""
    stream.buffer.write(text.encode("utf-8", "replace"))
    stream.flush()


def joined(outputs: "list[Any]") -> "list[Any]":
    """Outputs with what one stream printed in one piece, and stdout first: the kernel sends it in
    pieces by the clock, and the same results must give the same file."""
    found: list[Any] = []
    printed: dict[str, Any] = {}
    for output in outputs:
        name = output["name"] if output["output_type"] == "stream" else None
        if name is None:
            printed = {}
        elif name in printed:
            printed[name]["text"] += output["text"]
            continue
        else:
            printed[name] = output
        if name == "stdout" and len(printed) > 1:
            found.insert(-1, output)
        else:
            found.append(output)
    return found


def language_of(metadata: Any) -> str:
    """The language of a notebook's kernel in small letters; Python's where none is named."""
    parts = (metadata.get("language_info"), metadata.get("kernelspec"))
    language, kernel = (part if isinstance(part, dict) else {} for part in parts)
    named = (language.get("name"), kernel.get("language"), kernel.get("name"), "python")
    name = next(name for name in named if name and isinstance(name, str)).lower()
    # A kernel may be called by its environment; what is shown of it says the language then.
    if name.startswith("python") or (
        name == str(kernel.get("name")).lower()
        and str(kernel.get("display_name")).lower().startswith("python")
    ):
        return "python"
    return "r" if name == "ir" else name


def _made_ready(notebook: Any, language: str) -> "list[tuple[Any, str]]":
    """Take out what an earlier run left, so that no output is mistaken for one of this run, and
    the lines that call reprokit; the cells with those, and their source as it was."""
    changed = []
    for cell in notebook.cells:
        if cell.cell_type != "code":
            continue
        cell.outputs, cell.execution_count = [], None
        source = (language == "python" and in_place(cell.source)) or without_own(cell.source)
        if source != cell.source:
            changed.append((cell, cell.source))
            cell.source = source
    return changed


def without_own(source: str) -> str:
    """A cell's source without reprokit's own magics; empty where nothing is left to run."""
    if OWN_CELL.search(source):
        return ""
    changed = OWN_LINE.sub(r"\1pass", source)
    if changed == source:
        return source
    lines = [line.strip() for line in changed.splitlines()]
    rest = [line for line in lines if line and line != "pass" and not line.startswith("#")]
    return changed if rest else ""


def in_place(source: str) -> "str | None":
    """What runs in place of a cell `%%repro` in Python; `None` for any other cell."""
    found = CONTAINER_CELL.match(source)
    if found is None:
        return None
    language, given, wanted = asked(found.group(1))
    if language not in PYTHON:
        return None
    code = "# %%repro" + found.group(1) + "\n" + found.group(2)
    values = ", ".join(f"{name!r}: {name}" for name in given)
    call = f"scope['run']({code!r}, {{{values}}}, {wanted!r})"
    return f"get_ipython().push((lambda scope: (exec({IN_PLACE!r}, scope), {call})[1])({{}}))"


def asked(line: str) -> "tuple[str, list[str], list[str]]":
    """The language that the first line of such a cell names, and the names after -i and -o."""
    language, option = "python", ""
    names: dict[str, list[str]] = {"i": [], "o": []}
    for word in line.replace("=", " ").split():
        if word.startswith("-"):
            option = word.lstrip("-")[:1] if word in ("-i", "--input", "-o", "--output") else word
        elif option in names:
            names[option] += [name for name in word.split(",") if name.isidentifier()]
        elif not option:
            language = word.lower()
    return language, names["i"], names["o"]


def is_left_out(source: str, tags: Any) -> bool:
    """Whether a cell, or a part of it, does not run in the container."""
    return SKIPPED in (tags or ()) or without_own(source) != source


def inject(notebook: Any, parameters: "dict[str, Any]", language: str) -> None:
    """Put the parameters into a cell: in place of one that was put there before, else after the
    cell that is tagged "parameters", else before all others."""
    import nbformat as imported

    nbformat: Any = imported
    cells = notebook.cells
    text = "\n".join(
        ["# Parameters", *(f"{n} = {LITERALS[language](v)}" for n, v in parameters.items())]
    )
    cell = nbformat.v4.new_code_cell(text, id=INJECTED, metadata={"tags": [INJECTED]})
    if notebook.nbformat_minor < 5:
        del cell["id"]
    before = _tagged(cells, INJECTED)
    if before is not None:
        cells[before] = cell
        return
    declared = _tagged(cells, "parameters")
    cells.insert(0 if declared is None else declared + 1, cell)


def _tagged(cells: Any, tag: str) -> "int | None":
    found = (at for at, cell in enumerate(cells) if tag in cell.metadata.get("tags", []))
    return next(found, None)


def r_literal(value: Any) -> str:
    """A value of JSON as R writes it."""
    if value is None or isinstance(value, bool):
        return {None: "NULL", True: "TRUE", False: "FALSE"}[value]
    if isinstance(value, str):
        # A JSON string is an R string too: the same quotes and escapes.
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, list):
        return f"list({', '.join(map(r_literal, value))})"
    if isinstance(value, dict):
        items = (
            f"{json.dumps(name, ensure_ascii=False)} = {r_literal(v)}" for name, v in value.items()
        )
        return f"list({', '.join(items)})"
    return repr(value)


LITERALS = {"python": repr, "r": r_literal}


def _mended(text: str) -> str:
    """A notebook's text with ids by position for cells without one of their own, as nbformat would
    warn and invent random ones; and without tags that are no list, over which nbclient stumbles."""
    content = json.loads(text)
    if content.get("nbformat") != 4:
        return text
    seen = set()
    for number, cell in enumerate(content.get("cells", []), start=1):
        if content.get("nbformat_minor", 0) >= 5:
            if cell.setdefault("id", f"cell-{number}") in seen:
                cell["id"] = f"cell-{number}"
            seen.add(cell["id"])
        if not isinstance(cell.get("metadata", {}).get("tags", []), list):
            del cell["metadata"]["tags"]
    return json.dumps(content)


def _plain(text: str) -> str:
    return re.sub(r"\x1b\[[0-9;]*m", "", text)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
