"""reprokit: from a research project to results, a Dockerfile to keep and a digest to cite.

Every verb of the command line is a function here: `reprokit.run(".")`, `reprokit.plan(".")`, …
They are imported when they are used, so that `import reprokit` costs nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from reprokit.version import __version__

if TYPE_CHECKING:
    from reprokit.pipeline.cells import cell
    from reprokit.verbs import (
        attach,
        cite,
        clean,
        detach,
        diff,
        doctor,
        export,
        init,
        lock,
        logs,
        new,
        notebook_template,
        plan,
        plugins,
        publish,
        rerun,
        run,
        runs,
        show,
        status,
        stop,
        study,
        verify,
    )

__all__ = [
    "__version__",
    "attach",
    "cell",
    "cite",
    "clean",
    "detach",
    "diff",
    "doctor",
    "export",
    "init",
    "lock",
    "logs",
    "new",
    "notebook_template",
    "plan",
    "plugins",
    "publish",
    "rerun",
    "run",
    "runs",
    "show",
    "status",
    "stop",
    "study",
    "verify",
]


def __getattr__(name: str) -> Any:
    if name == "cell":
        from reprokit.pipeline.cells import cell

        return cell
    if name in __all__:
        from reprokit import verbs

        return getattr(verbs, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def load_ipython_extension(shell: Any) -> None:
    """`%load_ext reprokit`."""
    from reprokit.notebook.magics import load_ipython_extension as load

    load(shell)
