"""Perl for reprokit: the modules of a cpanfile, from Debian's lib…-perl packages."""

import re

from reprokit.errors import BadRequest, InputUnavailable
from reprokit.hookspecs import hookimpl
from reprokit.model import (
    Detection, Entry, LockedEcosystem, Reason, Rendering, Requirement, Step, SystemPackage,
)  # fmt: skip

REQUIRES = re.compile(
    r"""requires\s+(["'])(?P<name>\w+(?:::\w+)*)\1\s*"""
    r"""(?:(?:,|=>)\s*(["']?)(?:>=\s*)?(?P<version>v?\d+(?:\.\d+)*)\3\s*)?;\s*(?:\#.*)?""",
    re.ASCII,
)


class Perl:
    """Requirements are minimal versions. Modules that come with Perl itself need no line."""

    name = "perl"

    def detect(self, project):
        if not project.has("cpanfile"):
            return None
        lines = enumerate(project.read("cpanfile").splitlines(), start=1)
        scripts = project.at_root("*.pl")
        entry = Entry(
            steps=(Step(argv=("perl", *scripts)),),
            reason=Reason(text="the one Perl script", file=scripts[0] if scripts else None),
            rank=40,
        )
        return Detection(
            ecosystem=self.name,
            files=("cpanfile",),
            requirements=tuple(
                requirement(line.strip(), Reason(text=line.strip(), file="cpanfile", line=number))
                for number, line in lines
                if line.strip() and not line.strip().startswith("#")
            ),
            entries=(entry,) if len(scripts) == 1 else (),
        )

    def system_packages(self, detection, base, catalogue):
        """Perl, and one package for each module, by Debian's naming rule."""
        wanted = {f"lib{r.name.lower().replace('::', '-')}-perl": r for r in detection.requirements}
        offered = catalogue.versions(wanted)
        for package, asked in wanted.items():
            if package not in offered:
                missing(asked, f"{base.name} has no {package}")
            if asked.specifier and order(upstream(offered[package])) < order(asked.specifier):
                missing(asked, f"{base.name} has only {asked.name} {upstream(offered[package])}")
        found = [SystemPackage(name=package, reason=r.reason) for package, r in wanted.items()]
        perl = Reason(text="Perl itself", file=detection.files[0])
        return (SystemPackage(name="perl", reason=perl), *found)

    def resolve(self, detection, resolver):
        """Nothing of its own: the lock pins system packages in one place, by version and hash."""
        return LockedEcosystem(ecosystem=self.name)

    def render(self, locked, base):
        return Rendering()


def requirement(line, reason):
    found = REQUIRES.fullmatch(line)
    if found is None:
        raise BadRequest(
            f"{line!r} is not understood",
            where=str(reason).partition(": ")[0],
            next="""write: requires "Module::Name", "1.0";""",
        )
    return Requirement(name=found["name"], specifier=found["version"] or "", reason=reason)


def missing(asked, why):
    raise InputUnavailable(why, where=f"{asked.reason.file}:{asked.reason.line}")


def upstream(version):
    """Debian's "1:2.02+ds-3" without epoch, revision and suffix: "2.02"."""
    return re.match(r"(?:\d+:)?v?(\d+(?:\.\d+)*)", version, re.ASCII)[1]


def order(version):
    """Perl's order: a decimal 1.6611 is v1.661.100, so that 1.7 comes after it."""
    whole, *parts = version.removeprefix("v").split(".")
    if len(parts) == 1 and not version.startswith("v"):
        digits = parts[0] + "0" * (-len(parts[0]) % 3)
        parts = [digits[at : at + 3] for at in range(0, len(digits), 3)]
    return [int(whole), *map(int, parts)]


@hookimpl
def reprokit_ecosystems(register):
    register(Perl())
