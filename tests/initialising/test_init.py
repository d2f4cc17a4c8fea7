"""`init`: what is proposed, what is warned of, and that nothing is written unasked."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator  # type: ignore[import-untyped,unused-ignore]

from reprokit.errors import BadRequest
from reprokit.initialising import initialise
from reprokit.initialising.facts import Environment, Installed, LiveKernel, Origin, of_the_shell
from reprokit.initialising.initialise import InitResult
from reprokit.schemas import schema

Code = tuple[str, int | None] | str


def environment(*packages: Installed, **modules: str) -> Environment:
    return Environment(
        said="made up",
        python="3.11.7",
        packages={p.name.lower(): p for p in packages},
        by_module={module: (name,) for module, name in modules.items()},
    )


HERE = environment(
    Installed(name="numpy", version="2.1.0"),
    Installed(name="pandas", version="2.2.0", requires=("numpy", "tzdata")),
    Installed(name="scikit-learn", version="1.5.0"),
    Installed(name="openpyxl", version="3.1.0", requires=("etfile",)),
    Installed(name="etfile", version="2.0"),
    Installed(name="ipykernel", version="6.0", requires=("pyzmq",)),
    Installed(name="pyzmq", version="26.0"),
    numpy="numpy",
    pandas="pandas",
    sklearn="scikit-learn",
    openpyxl="openpyxl",
    etfile="etfile",
    zmq="pyzmq",
)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "a study"
    folder.mkdir()
    return folder


def notebook(folder: Path, *cells: Code, name: str = "work.ipynb") -> Path:
    """A notebook; a cell is its source, or source and execution count."""
    pairs = [(cell, None) if isinstance(cell, str) else cell for cell in cells]
    listed: list[dict[str, Any]] = [
        {
            "cell_type": "code",
            "id": f"c{number}",
            "metadata": {},
            "source": source,
            "outputs": [],
            "execution_count": count,
        }
        for number, (source, count) in enumerate(pairs)
    ]
    content = {"cells": listed, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
    path = folder / name
    path.write_text(json.dumps(content))
    return path


def kernel(path: Path | None, here: Environment = HERE, **more: Any) -> LiveKernel:
    made = LiveKernel(
        modules=frozenset(),
        history=(),
        names={},
        notebook=path,
        notebook_said="named by Jupyter",
        environment=here,
    )
    return replace(made, **more)


Init = Callable[..., InitResult]


@pytest.fixture
def init(project: Path) -> Init:
    def call(*, write: bool = False, live: LiveKernel | None = None) -> InitResult:
        result = initialise.init(project, write=write, kernel=live or kernel(None))
        Draft202012Validator(schema("init-1")).validate(result.json())
        return result

    return call


def after(result: InitResult, path: str) -> str:
    return next(file.after for file in result.files if file.path == path)


def said(result: InitResult, kind: str) -> list[str]:
    return [str(finding) for finding in result.findings if finding.kind == kind]


def test_imports_become_pinned_requirements_and_nothing_is_written_unasked(
    project: Path, init: Init
) -> None:
    book = notebook(project, "%load_ext reprokit", "import numpy as np\nimport sklearn, os")
    (project / "helper.py").write_text("import pandas\n")
    result = init(live=kernel(book))
    assert after(result, "requirements.txt") == (
        "numpy==2.1.0  # work.ipynb, cell 2, line 1: imports numpy\n"
        "pandas==2.2.0  # helper.py:1: imports pandas\n"
        "scikit-learn==1.5.0  # work.ipynb, cell 2, line 2: imports sklearn\n"
    )
    about = after(result, "repro.toml")
    assert 'command = ["repro-notebook", "work.ipynb"]' in about and 'version = "3.11"' in about
    assert "+numpy==2.1.0" in result.text() and "%repro init" in result.ending()
    assert sorted(path.name for path in project.iterdir()) == ["helper.py", "work.ipynb"]
    written = init(write=True, live=kernel(book))
    assert written.written
    assert (project / "requirements.txt").read_text() == after(result, "requirements.txt")
    again = init(write=True, live=kernel(book))
    assert again.files == () and not again.written
    assert "declared" in again.text()


def test_a_notebook_that_only_calls_reprokit_is_no_experiment(project: Path, init: Init) -> None:
    book = notebook(project, "%load_ext reprokit", "result = %repro run main.py\n")
    (project / "main.py").write_text("import numpy\n")
    assert "repro-notebook" not in after(init(live=kernel(book)), "repro.toml")


def test_a_notebook_below_the_project_is_of_the_project(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (project / ".git").mkdir()
    (project / "requirements.txt").write_text("pandas\n")
    (project / "notebooks").mkdir()
    book = notebook(project / "notebooks", "import numpy")
    monkeypatch.chdir(book.parent)
    result = initialise.init(Path(), kernel=kernel(book))
    assert result.root == project.resolve()
    assert after(result, "requirements.txt").startswith("pandas==2.2.0\n")
    assert 'folder = "notebooks"' in after(result, "repro.toml")


def test_a_project_without_python_is_told_nothing_of_python(project: Path, init: Init) -> None:
    (project / "main.R").write_text("library(dplyr)\n")
    notebook(project, "%load_ext reprokit", "%repro run")
    assert init().files == ()


def test_what_a_person_wrote_stays(project: Path, init: Init) -> None:
    (project / "requirements.txt").write_bytes(
        b"# mine\r\nnumpy>=1.20  # arrays\r\nPANDAS[excel] ; python_version > '3'\r\n"
        b"scikit-learn==1.0\r\n--extra-index-url https://example.org/simple\r\nnot-here\r\n"
    )
    (project / "a.py").write_text("import numpy, pandas, sklearn, openpyxl\n")
    missed = ["a.py:1: imports openpyxl, and openpyxl is not declared"]
    assert said(init(), "undeclared") == missed
    result = init(write=True)
    assert (project / "requirements.txt").read_bytes().decode().split("\r\n") == [
        "# mine",
        "numpy==2.1.0  # arrays",
        "PANDAS[excel]==2.2.0  ; python_version > '3'",
        "scikit-learn==1.0",
        "--extra-index-url https://example.org/simple",
        "not-here",
        "",
        "# added by reprokit init: imported, and not asked for above",
        "openpyxl==3.1.0  # a.py:1: imports openpyxl",
        "",
    ]
    assert any(
        "scikit-learn==1.0, and 1.5.0 is installed" in text for text in said(result, "version")
    )
    assert said(result, "undeclared") == []
    assert init().files == ()


def test_another_declaration_is_not_doubled(project: Path, init: Init) -> None:
    (project / "pyproject.toml").write_text(
        '[project]\nname = "x"\nversion = "1"\nrequires-python = ">=3.12"\n'
        'dependencies = ["numpy"]\n'
    )
    (project / "a.py").write_text("import numpy, pandas\n")
    result = init()
    assert [file.path for file in result.files] == ["repro.toml"]
    assert "[python]" not in after(result, "repro.toml")
    assert any("to add there: pandas==2.2.0" in sentence for sentence in result.kept)
    assert any(">=3.12" in text and "3.11.7" in text for text in said(result, "version"))


def test_a_configuration_stays_as_it_is(project: Path, init: Init) -> None:
    (project / "repro.toml").write_text('name = "mine"\n')
    (project / "a.py").write_text("import numpy\n")
    assert [file.path for file in init(write=True).files] == ["requirements.txt"]
    assert (project / "repro.toml").read_text() == 'name = "mine"\n'


def test_a_file_that_changes_meanwhile_is_not_written_over(
    project: Path, init: Init, monkeypatch: pytest.MonkeyPatch
) -> None:
    (project / "requirements.txt").write_text("numpy\n")
    before = initialise._write

    def late(root: Path, proposed: list[initialise.Proposed]) -> None:
        (project / "requirements.txt").write_text("numpy\nsix\n")
        before(root, proposed)

    monkeypatch.setattr(initialise, "_write", late)
    with pytest.raises(BadRequest, match="nothing was written"):
        init(write=True)
    assert (project / "requirements.txt").read_text() == "numpy\nsix\n"
    assert not (project / "repro.toml").exists()


def test_what_is_loaded_without_an_import_is_asked_for(project: Path, init: Init) -> None:
    book = notebook(project, "import pandas")
    loaded = frozenset({"pandas", "numpy", "openpyxl", "etfile", "zmq", "sys"})
    text = after(init(live=kernel(book, modules=loaded)), "requirements.txt")
    # numpy comes with pandas, zmq is the kernel's own, and etfile comes with openpyxl.
    assert [line.partition("  #")[0] for line in text.splitlines()] == [
        "openpyxl==3.1.0",
        "pandas==2.2.0",
    ]


def test_repositories_folders_and_builds_are_named(project: Path, init: Init) -> None:
    (project / "lib").mkdir()
    outside = project.parent / "clone"
    outside.mkdir()
    for words in (
        ("init", "-q"),
        ("remote", "add", "origin", "https://example.org/far.git"),
        ("-c", "user.name=x", "-c", "user.email=x", "commit", "-q", "--allow-empty", "-m", "x"),
    ):
        subprocess.run(["git", *words], cwd=outside, check=True)
    commit = "0123456789abcdef0123456789abcdef01234567"
    vcs = Origin(kind="vcs", url="https://example.org/x.git", vcs="git", commit=commit)
    clone = Origin(kind="vcs", url=outside.as_uri(), vcs="git", commit=commit)
    secret = Origin(kind="vcs", url="https://me:word@example.org/y.git", vcs="git", commit=commit)
    near = Origin(kind="folder", url=(project / "lib").as_uri(), editable=True)
    far = Origin(kind="folder", url=outside.as_uri(), editable=True)
    here = environment(
        Installed(name="fromgit", version="1", origin=vcs),
        Installed(name="secret", version="1", origin=secret),
        Installed(name="local", version="1", origin=clone),
        Installed(name="near", version="1", origin=near),
        Installed(name="far", version="1", origin=far),
        Installed(name="torch", version="2.1.0+cu121"),
        fromgit="fromgit",
        secret="secret",
        local="local",
        near="near",
        far="far",
        torch="torch",
    )
    (project / "a.py").write_text("import fromgit, near, far, torch, secret, local\n")
    result = init(live=kernel(None, here))
    assert after(result, "requirements.txt") == (
        f"fromgit @ git+https://example.org/x.git@{commit}  # a.py:1: imports fromgit\n"
        "-e ./lib  # a.py:1: imports near\n"
        "torch==2.1.0  # a.py:1: imports torch\n"
    )
    outsiders = said(result, "outside")
    assert any("far is an editable install" in text and "git+https://example.org/far.git@" in text
               for text in outsiders)  # fmt: skip
    assert any(
        "local was installed from a repository of this machine" in text for text in outsiders
    )
    assert any("secret" in text and "password" in text for text in outsiders)
    assert "word@" not in result.text()
    assert any("2.1.0+cu121" in text for text in said(result, "version"))


def test_cells_out_of_order_and_never_run(project: Path, init: Init) -> None:
    book = notebook(project, ("a = 1", 3), ("b = 2", 1), "c = 3", ("%repro init", None))
    assert said(init(live=kernel(book)), "order") == [
        "work.ipynb, cell 2: ran before cell 1, which stands above it ([1] and [3])",
        "work.ipynb: cell 3 did not run since the outputs were cleared, or ever",
    ]


def test_variables_of_deleted_cells(project: Path, init: Init) -> None:
    cells = (
        "import os\nfor i, (j, k) in []: pass",
        "def f(): pass\nwith open(os.devnull) as g: pass",
        "x = !ls\nif (w := 1): pass",
        "%%capture out\n1",
        "%time t = 1",
    )
    book = notebook(project, *cells)
    ran = (*enumerate(cells, start=1), (6, "ghost = 1"), (7, "ghost += 1"), (8, "%repro init"))
    names = dict.fromkeys(("i", "j", "k", "f", "g", "x", "w", "out", "t", "ghost"), "int")
    result = init(live=kernel(book, history=ran, names=names))
    (found,) = said(result, "variable")
    assert "no cell sets ghost (int)" in found and "[7]" in found
    assert any("([6], [7])" in text for text in said(result, "order"))
    twice = init(live=kernel(book, history=((1, cells[0]), (2, cells[0])), names={}))
    assert any("cell 1 ran more than once" in text for text in said(twice, "order"))
    for cell in ("from os.path import *", "%run other.py", "exec('ghost = 1')", "%store -r"):
        notebook(project, cell)
        assert said(init(live=kernel(book, names={"ghost": "int"})), "variable") == [], cell


def test_paths_of_this_machine_and_out_of_the_project(project: Path, init: Init) -> None:
    (project / "data").mkdir()
    (project / "data" / "a.csv").write_text("")
    code = (
        f"open({str(project / 'data' / 'a.csv')!r})\nopen('/home/me/b.csv')\nopen('~/c.csv')\n"
        "open('../d.csv')\nopen('sub/../data/a.csv')\nprint('/ or a/b', '/', 'https://x.org/a')\n"
        "r'C:\\Users\\me\\e.csv'.lower()\nopen('/app/results/x')\n'/home/a docstring'\n"
    )
    (project / "a.py").write_text(code)
    result = init()
    assert [text.partition(":")[2].partition(":")[0] for text in said(result, "path")] == ["1"]
    assert "write 'data/a.csv'" in said(result, "path")[0]
    lines = [int(text.split(":")[1]) for text in said(result, "outside")]
    assert lines == [2, 3, 4, 7]


def test_the_home_folder_and_paths_in_magics_and_commands(project: Path, init: Init) -> None:
    notebook(
        project,
        "from pathlib import Path\nPath.home() / 'x'",
        "import os\nos.path.expanduser('~')\nos.path.expanduser(name)",
        "%cd -q /home/me/study\n!cp '/data/b.csv' . && cat /etc/hosts",
        "homes = {}\nhomes.home()\nopen('/etc/hosts')",
    )
    found = said(init(), "outside")
    assert [text.partition(": ")[0] for text in found] == [
        "work.ipynb, cell 1, line 2",
        "work.ipynb, cell 2, line 2",
        "work.ipynb, cell 3, line 1",
        "work.ipynb, cell 3, line 2",
    ]
    assert "the home folder" in found[0] and "'/data/b.csv'" in found[3]


@pytest.mark.parametrize(
    ("code", "missing"),
    [
        ("import random\nrandom.random()", ["random.seed"]),
        ("import random\nrandom.seed(1)\nrandom.random()", []),
        ("import numpy as np\nnp.random.rand(3)", ["numpy.random.seed"]),
        ("from numpy.random import rand, seed\nseed(1)\nrand(3)", []),
        ("import numpy as np\nnp.random.default_rng()", ["default_rng(1)"]),
        ("import numpy as np\nnp.random.default_rng(7).normal()", []),
        ("import torch\ntorch.randn(2)", ["torch.manual_seed"]),
        ("import torch\ntorch.manual_seed(0)\ntorch.randn(2)", []),
        ("import tensorflow as tf\ntf.random.normal([2])", ["tensorflow.random.set_seed"]),
        ("import tensorflow as tf\ntf.random.set_seed(1)\ntf.random.normal([2])", []),
        ("from scipy import stats\nstats.norm.rvs(size=3)", ["random_state"]),
        ("from scipy.stats import norm\nnorm.rvs(3, random_state=1)\nnorm.pdf(3)", []),
        ("import pandas as pd\nf = pd.DataFrame()\nf.sample(3)\nf.sample(frac=1)", ["()"] * 2),
        ("import pandas as pd\nf = pd.DataFrame()\nf.sample(n=3, random_state=1)", []),
        ("import pandas\nfrom m import model\nmodel.sample()\nmodel.sample((3,))", []),
        ("import m\nm.model().sample(3)", []),
        ("from sklearn.cluster import KMeans\nKMeans(3)", ["random_state"]),
        ("from sklearn.cluster import KMeans\nKMeans(3, random_state=1)", []),
        ("from sklearn.cluster import KMeans\nKMeans(3, **more)", []),
        ("import sklearn.model_selection as m\nm.KFold(3)\nm.KFold(3, shuffle=True)", ["KFold"]),
        (
            "import numpy as np\nnp.random.seed(1)\nfrom sklearn.cluster import KMeans\nKMeans(3)",
            [],
        ),
        ("import random\nfrom transformers import set_seed\nset_seed(1)\nrandom.random()", []),
        ("def shuffle(): pass\nshuffle()", []),
        ("from random import Random\nrandom = Random(1)\nrandom.gauss(0, 1)", []),
    ],
)
def test_missing_seeds(project: Path, init: Init, code: str, missing: list[str]) -> None:
    (project / "a.py").write_text(code)
    found = said(init(), "seed")
    assert len(found) == len(missing)
    assert all(part in text for part, text in zip(missing, found, strict=True))


def test_an_import_of_another_file_means_nothing_here(project: Path, init: Init) -> None:
    (project / "a.py").write_text("from random import Random\nrandom = Random(1)\nrandom.gauss()")
    (project / "b.py").write_text("import random\nrandom.seed(1)\nrandom.random()")
    notebook(project, "import numpy as np", "np.random.rand(3)")
    assert ["numpy.random.rand" in text for text in said(init(), "seed")] == [True]


def test_what_was_written_is_not_missed_any_more(project: Path, init: Init) -> None:
    (project / "requirements.txt").write_text("pandas==2.2.0\n")
    notebook(project, "import numpy")
    assert "numpy is not declared" in init().text()
    assert "numpy is not declared" not in init(write=True).text()


def test_what_cannot_be_named_is_not_called_declared(project: Path, init: Init) -> None:
    (project / "requirements.txt").write_text("pandas==2.2.0\n")
    (project / "repro.toml").write_text('name = "x"\n')
    (project / "a.py").write_text("import far\n")
    origin = Origin(kind="folder", url=project.parent.as_uri(), editable=True)
    far = environment(Installed(name="far", version="1", origin=origin), far="far")
    assert "Nothing can be written from here" in init(live=kernel(None, far)).text()


def test_a_folder_that_is_named_needs_no_notebook(project: Path, init: Init) -> None:
    notebook(project, "import numpy")
    assert "notebook" not in dict(init().looked_at)


def test_a_shell_looks_at_the_environment_of_the_project(tmp_path: Path) -> None:
    site = tmp_path / ".venv" / "lib" / "python3.12" / "site-packages"
    info = site / "Far_Package-1.5.dist-info"
    info.mkdir(parents=True)
    (tmp_path / ".venv" / "pyvenv.cfg").write_text("home = /usr/bin\nversion = 3.12.4\n")
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: Far_Package\nVersion: 1.5\n")
    (info / "RECORD").write_text("farther/__init__.py,,\nFar_Package-1.5.dist-info/METADATA,,\n")
    (info / "direct_url.json").write_text('{"url": "file:///nowhere/croot", "dir_info": {}}')
    found = of_the_shell(tmp_path, {})
    assert (found.python, found.said) == ("3.12.4", "the project's .venv")
    package = found.of_module("farther.deep", "farther")
    # Where conda built it is a place that is nowhere here.
    assert package == Installed(name="Far_Package", version="1.5")
    active = of_the_shell(tmp_path / "elsewhere", {"VIRTUAL_ENV": str(tmp_path / ".venv")})
    assert active.said == "$VIRTUAL_ENV" and active.packages == found.packages


def test_bad_requests(project: Path) -> None:
    with pytest.raises(BadRequest, match="there is no"):
        initialise.init(project / "nowhere")
    (project / "a.txt").touch()
    with pytest.raises(BadRequest, match="neither a folder nor a notebook"):
        initialise.init(project / "a.txt")
