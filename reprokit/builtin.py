"""The built-in plugins, through the same hooks that everybody else uses."""

from __future__ import annotations

from collections.abc import Callable

from reprokit.bases.protocol import BaseFamily
from reprokit.ecosystems.protocol import Ecosystem
from reprokit.hookspecs import hookimpl


@hookimpl
def reprokit_ecosystems(register: Callable[[Ecosystem], None]) -> None:
    from reprokit.ecosystems.ant import AntEcosystem
    from reprokit.ecosystems.apt import AptEcosystem
    from reprokit.ecosystems.conda import CondaEcosystem
    from reprokit.ecosystems.maven import MavenEcosystem
    from reprokit.ecosystems.python import PythonEcosystem
    from reprokit.ecosystems.r import REcosystem

    for ecosystem in (
        AntEcosystem(),
        AptEcosystem(),
        CondaEcosystem(),
        MavenEcosystem(),
        PythonEcosystem(),
        REcosystem(),
    ):
        register(ecosystem)


@hookimpl
def reprokit_base_families(register: Callable[[BaseFamily], None]) -> None:
    from reprokit.bases.debian import DebianFamily
    from reprokit.bases.official import OfficialFamily

    register(DebianFamily())
    register(OfficialFamily())
