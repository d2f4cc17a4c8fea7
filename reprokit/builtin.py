"""The built-in plugins, through the same hooks that everybody else uses."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from reprokit.bases.protocol import BaseFamily
from reprokit.ecosystems.protocol import Ecosystem
from reprokit.hookspecs import hookimpl

if TYPE_CHECKING:
    from reprokit.comparators.protocol import Comparator
    from reprokit.diagnosing.protocol import Diagnosis


@hookimpl
def reprokit_ecosystems(register: Callable[[Ecosystem], None]) -> None:
    from reprokit.ecosystems.ant import AntEcosystem
    from reprokit.ecosystems.apt import AptEcosystem
    from reprokit.ecosystems.conda import CondaEcosystem
    from reprokit.ecosystems.maven import MavenEcosystem
    from reprokit.ecosystems.python import PythonEcosystem
    from reprokit.ecosystems.r import REcosystem
    from reprokit.ecosystems.repo2docker import Repo2DockerEcosystem

    for ecosystem in (
        AntEcosystem(),
        AptEcosystem(),
        CondaEcosystem(),
        MavenEcosystem(),
        PythonEcosystem(),
        REcosystem(),
        Repo2DockerEcosystem(),
    ):
        register(ecosystem)


@hookimpl
def reprokit_base_families(register: Callable[[BaseFamily], None]) -> None:
    from reprokit.bases.debian import DebianFamily
    from reprokit.bases.distributions import DISTRIBUTIONS
    from reprokit.bases.official import OfficialFamily

    for name in DISTRIBUTIONS:
        register(DebianFamily(name))
    register(OfficialFamily())


@hookimpl
def reprokit_comparators(register: Callable[[Comparator], None]) -> None:
    from reprokit.comparators.archives import Tar, Zip
    from reprokit.comparators.arrays import Npy
    from reprokit.comparators.compressed import Compressed
    from reprokit.comparators.document import Json, JsonLines, Yaml
    from reprokit.comparators.drawing import Svg
    from reprokit.comparators.graph import Rdf
    from reprokit.comparators.hdf5 import Hdf5
    from reprokit.comparators.markup import Xml
    from reprokit.comparators.notebook import Notebook
    from reprokit.comparators.opaque import Bytes
    from reprokit.comparators.page import Pdf
    from reprokit.comparators.parquet import Parquet
    from reprokit.comparators.pictures import Picture
    from reprokit.comparators.r_data import RData
    from reprokit.comparators.sheets import Ods, Xlsx
    from reprokit.comparators.table import Table
    from reprokit.comparators.text import Text

    for comparator in (
        Bytes(),
        Compressed(),
        Hdf5(),
        Json(),
        JsonLines(),
        Notebook(),
        Npy(),
        Ods(),
        Parquet(),
        Pdf(),
        Picture(),
        RData(),
        Rdf(),
        Svg(),
        Table(),
        Tar(),
        Text(),
        Xlsx(),
        Xml(),
        Yaml(),
        Zip(),
    ):
        register(comparator)


@hookimpl
def reprokit_diagnoses(register: Callable[[Diagnosis], None]) -> None:
    from reprokit.diagnosing import (
        builds,
        java,
        latex,
        own_dockerfile,
        python,
        python_removed,
        python_versions,
        r,
        screen,
        system,
    )

    every = (
        builds,
        java,
        latex,
        own_dockerfile,
        python,
        python_removed,
        python_versions,
        r,
        screen,
        system,
    )
    for module in every:
        for diagnosis in module.DIAGNOSES:
            register(diagnosis)
