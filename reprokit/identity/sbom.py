"""The bill of materials of an image, as CycloneDX 1.6: its lock and what is found in it.

Nothing in it depends on when or where it is written: the serial number comes from the digests, the
time is the lock's. See https://cyclonedx.org/docs/1.6/json/ and, for the names of packages,
https://github.com/package-url/purl-spec.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from urllib.parse import quote

from reprokit import lock_file
from reprokit.frozen import frozen
from reprokit.identity import POLICY
from reprokit.identity.inventory import Item, inventory
from reprokit.identity.listing import Listing
from reprokit.model import Artifact, Lock
from reprokit.printable import printable
from reprokit.version import __version__

if TYPE_CHECKING:
    from cyclonedx.model import ExternalReference, HashType, Property, XsUri
    from cyclonedx.model.bom import Bom
    from cyclonedx.model.component import Component
    from cyclonedx.model.license import License
    from packageurl import PackageURL

_NAMESPACE = uuid.UUID("5f6d2a52-6e0b-5d2e-9a0b-5d3a8f7c1e94")
_IN_ADDRESSES = ":/?#[]@!$&'()*+,;=%~"


@frozen
class Subject:
    """The image that a bill is of. `digest` is its environment digest; `pushed` is its name and
    registry digest ("registry.example/name@sha256:…"), `None` before a push."""

    name: str
    digest: str
    pushed: str | None = None


def document(subject: Subject, lock: Lock, layers: Sequence[Listing]) -> bytes:
    """The bill of an image as JSON: the same lock and image give the same bytes.

    layers: what is known of the image's canonical layers, lowest first.
    """
    from cyclonedx.output.json import JsonV1Dot6

    bill = json.loads(JsonV1Dot6(_bom(subject, lock, inventory(lock, layers))).output_as_string())
    # Without an entry a component's dependencies are unknown; the library says that it has none.
    bill["dependencies"] = [entry for entry in bill["dependencies"] if "dependsOn" in entry]
    return (json.dumps(bill, indent=1, sort_keys=True) + "\n").encode("ascii")


def _bom(subject: Subject, lock: Lock, items: Sequence[Item]) -> Bom:
    from cyclonedx.model.bom import Bom, BomMetaData
    from cyclonedx.model.component import Component, ComponentType
    from cyclonedx.model.tool import ToolRepository

    digest = lock_file.digest(lock)
    image = Component(
        type=ComponentType.CONTAINER,
        name=printable(subject.name),
        version=subject.digest,
        bom_ref=f"image:{subject.digest}",
        hashes=_hashes(subject.digest),
        purl=_image_purl(subject.pushed, lock.platform),
        properties=_properties(
            environment_digest=[subject.digest],
            environment_policy=[POLICY],
            lock=[digest],
            platform=[lock.platform],
        ),
    )
    bases = tuple(_bases(lock))
    system = next((item for item in items if item.kind == "os"), None)
    parts = {item: _component(item, system) for item in items}
    tool = Component(type=ComponentType.APPLICATION, name="reprokit", version=__version__)
    bom = Bom(
        serial_number=uuid.uuid5(_NAMESPACE, f"{subject.digest} {digest}"),
        metadata=BomMetaData(
            component=image,
            timestamp=datetime.fromtimestamp(lock.epoch, UTC),
            tools=ToolRepository(components=[tool]),
        ),
        components=[*bases, *parts.values()],
    )
    asked = [p for item, p in parts.items() if item.requested and item.found is not False]
    bom.register_dependency(image, [*bases[:1], *asked])
    return bom


def _bases(lock: Lock) -> Iterator[Component]:
    """The base, and of a project's own Dockerfile every image that it builds on."""
    from cyclonedx.model.component import Component, ComponentType

    base = lock.base
    pinned = base.settings.get("pinned")
    references = {base.name: base.registry_digest or base.reference}
    if isinstance(pinned, Mapping):
        references |= {str(name): str(reference) for name, reference in pinned.items()}
    for name, reference in references.items():
        first = name == base.name
        yield Component(
            type=ComponentType.CONTAINER,
            name=printable(name),
            bom_ref=f"base:{name}",
            version=(base.config_digest or None) if first else None,
            hashes=_hashes(base.config_digest) if first else (),
            purl=_image_purl(_with_name(reference, name), lock.platform),
            properties=_properties(
                locked=["base"],
                **({"family": [base.family], "layer": base.layers} if first else {}),
            ),
        )


def _component(item: Item, system: Item | None) -> Component:
    from cyclonedx.model.component import Component, ComponentScope, ComponentType

    purl = _purl(item, system)
    group, _, name = item.name.rpartition(":") if item.kind == "java" else ("", "", item.name)
    # A library that Maven fetched may lie inside another jar: then nothing says that it is there.
    scope = {True: ComponentScope.REQUIRED, False: ComponentScope.EXCLUDED}
    return Component(
        type=ComponentType.OPERATING_SYSTEM if item.kind == "os" else ComponentType.LIBRARY,
        group=group or None,
        name=printable(name),
        version=printable(item.version) or None,
        bom_ref=str(purl or f"{item.kind}:{item.name}@{item.version}"),
        scope=None if item.found is None else scope[item.found],
        hashes=_hashes(item.jar) if item.jar else _own_hashes(item.artifacts),
        licenses=_licences(item),
        purl=purl,
        external_references=[_distribution(artifact) for artifact in item.artifacts],
        properties=_properties(
            locked=item.locked or ["no"],
            image=["not found" if not item.found else "base" if item.in_base else "installed"],
            path=() if item.locked else [f"/{path}" for path in item.paths],
        ),
    )


def _purl(item: Item, system: Item | None) -> PackageURL | None:
    """`None` for what no type of package URL fits."""
    from packageurl import PackageURL

    version = item.version or None
    if item.kind == "deb":
        distribution = system.name if system is not None else "debian"
        qualifiers = {"distro": system.version} if system is not None and system.version else {}
        files = [artifact.path.removesuffix(".deb") for artifact in item.artifacts]
        if len(files) == 1:
            qualifiers["arch"] = files[0].rpartition("_")[2]
        return PackageURL("deb", distribution, item.name, version, qualifiers)
    if item.kind in ("python", "r"):
        kind = "pypi" if item.kind == "python" else "cran"
        return PackageURL(kind, None, item.name, version)
    group, colon, artifact = item.name.partition(":")
    if item.kind == "java" and colon:
        only_pom = item.artifacts and all(a.path.endswith(".pom") for a in item.artifacts)
        return PackageURL("maven", group, artifact, version, {"type": "pom"} if only_pom else {})
    return None


def _image_purl(reference: str | None, platform: str) -> PackageURL | None:
    """Of "registry.example/name[:tag]@sha256:…"; an image without registry digest has none."""
    from packageurl import PackageURL

    name, _, digest = (reference or "").partition("@")
    if not digest or not name:
        return None
    repository, tag = name, ""
    if ":" in name.rpartition("/")[2]:
        repository, _, tag = name.rpartition(":")
    host, slash, _ = repository.partition("/")
    if not (slash and (set(host) & set(".:") or host == "localhost")):
        official = "" if slash else "library/"
        repository = f"docker.io/{official}{repository}"
    qualifiers = {"arch": platform.split("/")[1], "repository_url": repository}
    if tag:
        qualifiers["tag"] = tag
    return PackageURL("oci", None, repository.rpartition("/")[2], digest, qualifiers)


def _with_name(reference: str, name: str) -> str:
    """Locks have a registry's digest alone or behind the name."""
    return f"{name}@{reference}" if reference.startswith("sha256:") else reference


def _own_hashes(artifacts: Sequence[Artifact]) -> list[HashType]:
    """The hash of a package that is one file; Maven's have a description beside it."""
    files = [artifact for artifact in artifacts if not artifact.path.endswith(".pom")]
    return _hashes(files[0].sha256) if len(files) == 1 else []


def _hashes(digest: str) -> list[HashType]:
    from cyclonedx.model import HashAlgorithm, HashType

    algorithm, _, content = digest.partition(":")
    if algorithm != "sha256":
        return []
    return [HashType(alg=HashAlgorithm.SHA_256, content=content)]


def _distribution(artifact: Artifact) -> ExternalReference:
    """Where a file came from; what was made while locking exists below vendor/ only."""
    from cyclonedx.model import ExternalReference, ExternalReferenceType

    return ExternalReference(
        type=ExternalReferenceType.DISTRIBUTION,
        url=_address(artifact.url or f"vendor/{artifact.path}"),
        comment=None if artifact.url else "made while locking",
        hashes=_hashes(artifact.sha256),
    )


def _address(text: str) -> XsUri:
    from cyclonedx.exception.model import InvalidUriException
    from cyclonedx.model import XsUri

    try:
        return XsUri(quote(text, safe=_IN_ADDRESSES))
    except InvalidUriException:
        return XsUri(quote(text, safe=""))


def _licences(item: Item) -> list[License]:
    """SPDX's identifier where that is the package's own word, else that word as a name. Expressions
    are Python's; CycloneDX allows one only where it stands alone."""
    from cyclonedx.contrib.license.exceptions import InvalidSpdxLicenseException
    from cyclonedx.contrib.license.factories import LicenseFactory
    from cyclonedx.model.license import LicenseAcknowledgement

    factory, declared = LicenseFactory(), LicenseAcknowledgement.DECLARED
    if item.kind == "python" and len(item.licences) == 1:
        return [factory.make_from_string(item.licences[0], license_acknowledgement=declared)]
    found: list[License] = []
    for text in item.licences:
        try:
            found.append(factory.make_with_id(text, acknowledgement=declared))
        except InvalidSpdxLicenseException:
            found.append(factory.make_with_name(text, acknowledgement=declared))
    return found


def _properties(**values: Iterable[str]) -> list[Property]:
    from cyclonedx.model import Property

    return [
        Property(name=f"reprokit:{name}", value=printable(value))
        for name, given in values.items()
        for value in given
    ]
