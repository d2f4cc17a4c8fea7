"""Docker and Podman behind the Engine protocol: one class, the differences in small branches."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from functools import cached_property
from pathlib import Path
from typing import Any

from reprokit import folders
from reprokit.engines import build as building
from reprokit.engines import configs, container, overlay
from reprokit.engines.confinement import Flavour
from reprokit.engines.endpoint import Endpoint
from reprokit.engines.protocol import (
    LABEL,
    PROCESS,
    BuildRequest,
    Container,
    ContainerRequest,
    EngineInformation,
    UnpackedImage,
)
from reprokit.engines.translating import (
    DISK_FULL,
    explanation,
    not_pulled,
    pulled_line,
    refuse_archive,
    translated,
)
from reprokit.errors import BadRequest, InputUnavailable, NoAnswer
from reprokit.model import Image

_LOADED = re.compile(r"Loaded image(?:\(s\)| ID)?: (?P<names>.+)")
_ANSWER_WITHIN = 600.0
"""Seconds; a busy engine may need minutes to remove or commit something large."""


class SocketEngine:
    """An engine that listens at an address.

    endpoint: where. flavour: which engine answers there. api: the newest API version it speaks,
    from its ping. environment: what its command line needs besides its address.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        flavour: Flavour,
        *,
        api: str | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self.endpoint = endpoint
        self.flavour = flavour
        self._version = api
        self._environment = dict(environment or {})

    @property
    def name(self) -> str:
        return self.flavour

    @cached_property
    def _api(self) -> Any:
        return self._client(_ANSWER_WITHIN)

    def _client(self, timeout: float) -> Any:
        from docker import APIClient
        from docker.constants import DEFAULT_DOCKER_API_VERSION
        from docker.tls import TLSConfig

        tls: TLSConfig | bool = False
        folder = self.endpoint.certificates
        if folder is not None:
            pair = (str(folder / "cert.pem"), str(folder / "key.pem"))
            tls = TLSConfig(
                client_cert=pair if Path(pair[0]).exists() else None,
                ca_cert=str(folder / "ca.pem"),
                verify=True,
            )
        version = "auto"
        if self._version is not None:
            version = min(self._version, DEFAULT_DOCKER_API_VERSION, key=_version_key)
        with translated(self.endpoint.url, self.name):
            return APIClient(
                base_url=self.endpoint.url, version=version, timeout=int(timeout), tls=tls
            )

    def close(self) -> None:
        """Close connections; the engine goes on."""
        if "_api" in self.__dict__:
            self._api.close()

    @cached_property
    def _info(self) -> Mapping[str, Any]:
        with translated(self.endpoint.url, self.name):
            found: Mapping[str, Any] = self._api.info()
        return found

    @cached_property
    def _rootless(self) -> bool:
        if self.endpoint.socket is not None and self.flavour == "docker":
            # Saves a question on every start: only root can own the machine's own daemon.
            try:
                if self.endpoint.socket.stat().st_uid == 0:
                    return False
            except OSError:
                pass
        options = self._info.get("SecurityOptions") or ()
        return bool(self._info.get("Rootless")) or any("rootless" in text for text in options)

    @cached_property
    def _ignores_limits(self) -> bool:
        """Whether containers get no control group of their own, so that limits do nothing and
        figures are those of everything that the user runs. Podman says that limits work."""
        return self._rootless and self._info.get("CgroupVersion") == "1"

    @cached_property
    def _containerd_store(self) -> bool:
        if self.flavour == "podman":
            return False
        status = self._info.get("DriverStatus") or ()
        return any("io.containerd.snapshotter" in str(value) for _, value in status)

    @cached_property
    def _facts(self) -> Mapping[str, Any]:
        with translated(self.endpoint.url, self.name):
            version: Mapping[str, Any] = self._api.version()
        return version

    def platform(self) -> str:
        """The platform of its images, "linux/amd64"."""
        return f"{self._facts.get('Os') or 'linux'}/{self._facts.get('Arch') or ''}"

    def prefetch(self) -> None:
        """Ask what later answers build on."""
        _ = self._facts

    def information(self) -> EngineInformation:
        """The engine and its host. Finding the builder asks the commands on PATH."""
        version = self._facts
        return EngineInformation(
            name=self.name,
            version=_engine_version(version),
            api=version.get("ApiVersion") or "",
            platform=self.platform(),
            rootless=self._rootless,
            builder=building.builder_name(self._builder_address()),
            socket=self.endpoint.url,
        )

    def memory(self) -> int | None:
        """See `Engine.memory`."""
        return None if self._ignores_limits else self._info.get("MemTotal") or None

    def storage(self) -> Path | None:
        """The folder of this machine that its images lie in; `None` where they lie elsewhere."""
        stated = self._info.get("DockerRootDir")
        place = Path(str(stated)) if stated and self.endpoint.socket is not None else None
        return place if place is not None and place.is_dir() else None

    def image(self, reference: str) -> Image | None:
        """The local image of that name or digest, or `None`."""
        from docker.errors import ImageNotFound, NotFound

        with translated(reference, self.name):
            try:
                found = self._api.inspect_image(reference)
            except (ImageNotFound, NotFound):
                return None
        return self._described(reference, found)

    def _described(self, reference: str, found: Mapping[str, Any]) -> Image:
        platform = f"{found.get('Os') or 'linux'}/{found['Architecture']}"
        config = found.get("Config") or {}
        return Image(
            reference=reference,
            config_digest=self._config_digest(_sha256(found["Id"]), platform),
            layers=tuple((found.get("RootFS") or {}).get("Layers") or ()),
            # Podman makes up such digests for images that never saw a registry.
            registry_digests=tuple(
                sorted(d for d in found.get("RepoDigests") or () if not d.startswith("localhost/"))
            ),
            platform=platform,
            size=int(found.get("Size") or 0),
            labels=dict(config.get("Labels") or {}),
        )

    def _config_digest(self, identifier: str, platform: str) -> str:
        if self.flavour == "podman":
            return identifier
        memory = folders.data() / "config-digests"
        known = configs.remembered(memory, identifier)
        if known is not None:
            return known
        # Docker takes 20 ms to say which store it has: remembered also where the two are the same.
        found: str | None = identifier
        if self._containerd_store:
            found = configs.config_digest(self.save(identifier), identifier, platform)
        if found is None:
            raise InputUnavailable(f"{self.name} does not tell the config of {identifier}")
        configs.remember(memory, identifier, found)
        return found

    def images(self, label: str | None = None) -> tuple[Image, ...]:
        """Local images, optionally those that carry a label ("key" or "key=value")."""
        with translated("images", self.name):
            listed = self._api.images(filters={"label": label} if label else None)
        found = []
        for item in listed:
            named = [name for name in item.get("RepoTags") or () if name != "<none>:<none>"]
            image = self.image(named[0] if named else item["Id"])
            if image is not None:  # it may have been removed meanwhile
                found.append(image)
        return tuple(found)

    def pull(self, reference: str, platform: str, on_line: Callable[[str], None]) -> Image:
        """Pull an image. Raises InputUnavailable with what the registry said."""
        from docker.errors import APIError

        from reprokit.engines import registry

        name, separator, version = registry.split_reference(reference)
        login = registry.login(registry.split_reference(name)[0])
        try:
            with translated(reference, self.name):
                try:
                    for line in self._api.pull(
                        name if separator == ":" else reference,
                        tag=version if separator == ":" else None,
                        stream=True,
                        decode=True,
                        platform=platform,
                        auth_config=login or None,
                    ):
                        pulled_line(line, reference, on_line)
                except APIError as error:
                    if DISK_FULL.search(explanation(error)):
                        raise
                    raise not_pulled(reference, explanation(error)) from error
        finally:
            self._api.close()
        image = self.image(reference)
        if image is None:
            raise not_pulled(reference, "the engine has no such image afterwards")
        return image

    def push(
        self,
        reference: str,
        on_line: Callable[[str], None],
        on_progress: Callable[[int, int], None],
    ) -> None:
        """Send an image to its registry, with the user's credentials there. An interrupt ends it:
        the engine stops when nobody listens."""
        from reprokit.engines import pushing, registry

        name, separator, version = registry.split_reference(reference)
        if separator == "@":
            raise BadRequest("an image is pushed to a tag, not to a digest", where=reference)
        host = registry.own_place(name).host
        try:
            with translated(reference, self.name):
                lines = self._api.push(
                    name,
                    tag=version,
                    stream=True,
                    decode=True,
                    # An empty one: the engine is not to ask for any, Podman would not even answer.
                    auth_config=registry.login(name),
                )
                pushing.follow(lines, reference, host, on_line, on_progress)
        finally:
            self._api.close()

    def registry_digest(self, reference: str, timeout: float = 5.0) -> str | None:
        """The digest a registry gives for the name now, `None` where the registry has no such
        image. Raises InputUnavailable where no registry answers within `timeout` seconds."""
        from reprokit.engines import registry

        if self.flavour == "podman":
            return registry.digest(reference, timeout)
        import requests
        from docker.errors import APIError

        client = self._client(timeout)
        try:
            answer = client.inspect_distribution(reference)
        except APIError as error:
            text = explanation(error)
            if registry.is_missing(text):
                return None
            raise NoAnswer(f"no registry answers for {reference}: {text}") from error
        except requests.exceptions.RequestException as error:
            raise NoAnswer(f"no registry answers for {reference} within {timeout:g} s") from error
        finally:
            client.close()
        digest: str = answer["Descriptor"]["digest"]
        return digest

    def load(self, archive: Path) -> Image:
        """Take an image from a docker-archive or OCI tar."""
        from docker.errors import APIError

        names: list[str] = []
        with translated(str(archive), self.name), archive.open("rb") as content:
            try:
                for line in self._api.load_image(content):
                    if "error" in line:
                        refuse_archive(archive, str(line["error"]), self.name)
                    match = _LOADED.search(line.get("stream") or "")
                    if match is not None:
                        names += [name.strip() for name in match.group("names").split(",")]
            except APIError as error:
                refuse_archive(archive, explanation(error), self.name)
        image = self.image(names[0]) if names else None
        if image is None:
            raise BadRequest("holds no image that the engine could load", where=str(archive))
        return image

    def save(self, reference: str) -> Iterator[bytes]:
        """An image as docker-archive tar stream."""
        with translated(reference, self.name):
            yield from self._api.get_image(reference)

    @property
    def loads_missing_layers(self) -> bool:
        """True of Docker's own image store, which looks a layer up before it reads it."""
        return self.flavour == "docker" and not self._containerd_store

    @property
    def builds_on_images(self) -> bool:
        """True of Podman: buildah finds its cached steps among the untagged images."""
        return self.flavour == "podman"

    def unpacked(self, reference: str) -> UnpackedImage | None:
        """The image's layers as folders, where this process is the machine's root."""
        remapped = any("userns" in text for text in self._info.get("SecurityOptions") or ())
        if not self.loads_missing_layers or self._rootless or remapped or not overlay.readable():
            return None
        with translated(reference, self.name):
            found = self._api.inspect_image(reference)
        folders = overlay.layer_folders(found)
        identifiers = (found.get("RootFS") or {}).get("Layers") or []
        if folders is None or len(folders) != len(identifiers):
            return None
        config = {
            "architecture": found["Architecture"],
            "os": found.get("Os") or "linux",
            "config": found.get("Config") or {},
            "rootfs": {"type": "layers", "diff_ids": identifiers},
        }
        return UnpackedImage(config=config, layers=folders)

    def tag(self, reference: str, name: str) -> None:
        from reprokit.engines import registry

        repository, separator, version = registry.split_reference(name)
        if separator == "@":
            raise BadRequest(f"{name} is a digest, which cannot be given as a name")
        with translated(reference, self.name):
            self._api.tag(reference, repository, version)

    def remove_image(self, reference: str) -> None:
        """See `Engine.remove_image`."""
        from docker.errors import ImageNotFound, NotFound

        with translated(reference, self.name):
            try:
                if not (reference.startswith("sha256:") and self._is_named(reference)):
                    self._api.remove_image(reference)
            except (ImageNotFound, NotFound):
                return

    def _is_named(self, digest: str) -> bool:
        names = self._api.inspect_image(digest).get("RepoTags") or ()
        return any(name != "<none>:<none>" for name in names)

    def build(self, request: BuildRequest, on_line: Callable[[str], None]) -> Image:
        """Build with BuildKit or buildah. Raises BuildFailed, StorageFailed or NoEngine."""
        building.run(request, self._builder_address(), on_line)
        image = self.image(request.tag)
        if image is None:
            raise InputUnavailable(f"{self.name} has no image {request.tag} after its build")
        return image

    def _builder_address(self) -> building.Address:
        return building.Address(
            url=self.endpoint.url,
            certificates=self.endpoint.certificates,
            flavour=self.flavour,
            environment=self._environment,
        )

    def container(self, request: ContainerRequest) -> AbstractContextManager[Container]:
        """A created container, killed and removed when the block ends. REPROKIT_KEEP=1 keeps it.

        Raises BadRequest for a memory limit that this engine would ignore.
        """
        if request.memory is not None and self._ignores_limits:
            raise BadRequest(
                f"{self.name} without root cannot limit memory on this machine: control groups v2 "
                "are missing",
                next="leave out the memory limit, or use an engine that runs as root",
            )
        return container.created(
            self._api,
            self.name,
            request,
            self.flavour,
            rootless=self._rootless,
            local=self.endpoint.socket is not None,
            counted=not self._ignores_limits,
            keep=os.environ.get("REPROKIT_KEEP") == "1",
        )

    def leftovers(self, *, abandoned: bool = False, process: str | None = None) -> tuple[str, ...]:
        """See `Engine.leftovers`."""
        from reprokit.history.living import is_alive

        with translated("containers", self.name):
            labels = [f"{LABEL}=reprokit", *([] if process is None else [f"{PROCESS}={process}"])]
            found = self._api.containers(all=True, filters={"label": labels})
        return tuple(
            item["Id"]
            for item in found
            if not (abandoned and is_alive((item.get("Labels") or {}).get(PROCESS, "")))
        )

    def remove_container(self, identifier: str) -> None:
        container.remove(self._api, self.name, identifier)


def _version_key(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split(".") if part.isdigit())


def _sha256(identifier: str) -> str:
    return identifier if identifier.startswith("sha256:") else f"sha256:{identifier}"


def _engine_version(version: Mapping[str, Any]) -> str:
    for component in version.get("Components") or ():
        if component.get("Name") in ("Engine", "Podman Engine"):
            return str(component.get("Version"))
    return str(version.get("Version") or "")
