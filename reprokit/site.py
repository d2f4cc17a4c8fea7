"""Site settings: how this machine reaches the world. They never enter an image, lock or record.

They come from `site.toml` in the user's configuration folder; what it leaves open comes from the
environment variables that pip, uv, curl and requests already use. Nothing needs to be set.
"""

from __future__ import annotations

import difflib
import os
from collections.abc import Callable, Mapping
from dataclasses import field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import urlsplit

from reprokit import credentials, folders
from reprokit.credentials import Login
from reprokit.errors import BadRequest
from reprokit.frozen import frozen
from reprokit.printable import redacted

if TYPE_CHECKING:
    from reprokit.engines.protocol import Bind

CERTIFICATES = "/run/reprokit/certificates.pem"
"""Where resolver containers find the trusted certificates. Not /etc/ssl/certs/ca-certificates.crt:
installing the package ca-certificates replaces that file, which fails while it is a mount."""
TRUSTSTORE = "/run/reprokit/certificates.jks"
"""The same for Java."""

NETRC = "/run/reprokit/netrc"
"""Where they find logins."""

DEBIAN = "http://deb.debian.org/debian"
DEBIAN_SNAPSHOT = "https://snapshot.debian.org"
DEBIAN_SECURITY = "http://deb.debian.org/debian-security"
UBUNTU = "http://archive.ubuntu.com/ubuntu"
UBUNTU_PORTS = "http://ports.ubuntu.com/ubuntu-ports"
MAVEN_CENTRAL = "https://repo1.maven.org/maven2"
PYPI = "https://pypi.org/simple"
"""The public archives. Plain http: apt and the lock check hashes, and a minimal base has no
certificates."""

_CERTIFICATE_VARIABLES = ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "PIP_CERT")
_INDEX_VARIABLES = ("UV_DEFAULT_INDEX", "UV_INDEX_URL", "PIP_INDEX_URL")
_EXTRA_INDEX_VARIABLES = ("UV_INDEX", "UV_EXTRA_INDEX_URL", "PIP_EXTRA_INDEX_URL")
_PROXY_VARIABLES = ("http_proxy", "https_proxy", "ftp_proxy", "all_proxy", "no_proxy")
_URLS = (
    "debian_mirror",
    "debian_security_mirror",
    "debian_snapshot",
    "ubuntu_mirror",
    "python_index",
    "maven_mirror",
    "cran_mirror",
)
_LISTS = ("registry_mirrors", "python_extra_indexes")
_KEYS = ("certificates", "proxies", "resolver_network", *_LISTS, *_URLS)
_SYSTEM_BUNDLES = (
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
)


@frozen
class Site:
    """Proxy, private CA and mirrors of an institute, from site.toml in the user's configuration
    folder and the usual environment variables.

    certificates: a complete PEM bundle that resolver containers trust; `None` for the host's own.
    proxies: lower-case variable names ("https_proxy") and values.
    debian_mirror, ubuntu_mirror, python_index, maven_mirror, cran_mirror: base URLs, `None` for the
    public ones.
    python_extra_indexes: asked besides python_index; the best version of any of them is taken.
    resolver_network: how resolver containers reach the network, "default" or "host".
    registry_mirrors: base URLs of registries asked before Docker Hub.
    logins: by "host" or "host:port", those that stood in the settings' URLs, which have none.
    """

    certificates: Path | None = None
    proxies: tuple[tuple[str, str], ...] = ()
    debian_mirror: str | None = None
    debian_security_mirror: str | None = None
    debian_snapshot: str | None = None
    ubuntu_mirror: str | None = None
    python_index: str | None = None
    maven_mirror: str | None = None
    cran_mirror: str | None = None
    resolver_network: Literal["default", "host"] = "default"
    registry_mirrors: tuple[str, ...] = ()
    python_extra_indexes: tuple[str, ...] = ()
    logins: tuple[tuple[str, Login], ...] = field(default=(), repr=False)

    def servers(self) -> tuple[str, ...]:
        """Every URL of a mirror or index that the settings name."""
        single = (getattr(self, key) for key in _URLS)
        return tuple(url for url in (*single, *self.python_extra_indexes) if url is not None)


def load(environment: Mapping[str, str] | None = None) -> Site:
    """This machine's settings. What site.toml says wins over the environment.

    environment: the variables to read, by default this process's own.
    Raises BadRequest with the file for a malformed site.toml or a certificate file that is missing.
    """
    variables = os.environ if environment is None else environment
    path = folders.configuration() / "site.toml"
    settings = _read(path)
    where = str(path)
    urls: dict[str, Any] = {
        key: _url(settings[key], key, where) for key in _URLS if key in settings
    }
    urls.setdefault("python_index", _first(variables, _INDEX_VARIABLES))
    extra = _urls(settings.get("python_extra_indexes"), "python_extra_indexes", where)
    if "python_extra_indexes" not in settings:
        extra = tuple((_first(variables, _EXTRA_INDEX_VARIABLES) or "").split())
    proxies = {**_proxies(variables), **_proxy_table(settings.get("proxies", {}), where)}
    return without_logins(
        Site(
            certificates=_certificates(settings.get("certificates"), variables, where),
            proxies=tuple(sorted(proxies.items())),
            resolver_network=_network(settings.get("resolver_network"), proxies, where),
            registry_mirrors=_urls(settings.get("registry_mirrors"), "registry_mirrors", where),
            python_extra_indexes=extra,
            **urls,
        )
    )


def without_logins(site: Site) -> Site:
    """The site with the user names and passwords of its URLs apart from them. A proxy's stay in
    its URL: programs take them no other way."""
    logins = dict(site.logins)

    def plain(url: str) -> str:
        stripped, login = credentials.split(url)
        if login is not None:
            logins.setdefault(urlsplit(stripped).netloc, login)
        return stripped.rstrip("/")

    changed: dict[str, Any] = {
        key: plain(url) for key in _URLS if (url := getattr(site, key)) is not None
    }
    changed |= {key: tuple(map(plain, getattr(site, key))) for key in _LISTS}
    return replace(site, **changed, logins=tuple(logins.items()))


def trusted_bundle(site: Site) -> Path | None:
    """The PEM bundle that resolver containers trust: the site's, else the one this machine's own
    programs use, else the one that Python's `requests` brings along."""
    if site.certificates is not None:
        return site.certificates
    for candidate in map(Path, _SYSTEM_BUNDLES):
        if candidate.is_file():
            return candidate.resolve()
    try:
        import certifi
    except ImportError:
        return None
    return Path(certifi.where())


def resolver_binds(site: Site) -> tuple[Bind, ...]:
    """The files of the host that a resolver container needs to trust what this machine trusts.

    Java's trust store is written once for each bundle into the user's cache folder.
    """
    from reprokit.engines.protocol import Bind

    bundle = trusted_bundle(site)
    if bundle is None:
        return ()
    return (
        Bind(source=bundle, target=CERTIFICATES),
        Bind(source=_truststore(bundle), target=TRUSTSTORE),
    )


def resolver_environment(site: Site) -> dict[str, str]:
    """The variables that make programs in a resolver container use the site's proxy, certificates
    (as `resolver_binds` mounts them), logins and Python indexes."""
    found = {"NETRC": NETRC}
    for name, value in site.proxies:
        found[name] = value
        found[name.upper()] = value
    java = list(_java_proxy_options(dict(site.proxies)))
    if trusted_bundle(site) is not None:
        from reprokit.truststore import PASSWORD

        for name in (*_CERTIFICATE_VARIABLES, "GIT_SSL_CAINFO", "NODE_EXTRA_CA_CERTS"):
            found[name] = CERTIFICATES
        java.append(f"-Djavax.net.ssl.trustStore={TRUSTSTORE}")
        java.append(f"-Djavax.net.ssl.trustStorePassword={PASSWORD}")
    if java:
        # Maven, Ant, Ivy and what they start all read this one; MAVEN_OPTS reaches only Maven.
        found["JAVA_TOOL_OPTIONS"] = " ".join(java)
    found.update(python_environment(site))
    return found


def python_environment(
    site: Site, login: Callable[[str], Login | None] = lambda url: None
) -> dict[str, str]:
    """The variables that name the site's indexes to uv and pip. login: what to put into a URL."""

    def whole(url: str) -> str:
        return credentials.joined(url, login(url))

    found: dict[str, str] = {}
    if site.python_index is not None:
        for name in ("PIP_INDEX_URL", "UV_DEFAULT_INDEX"):
            found[name] = whole(site.python_index)
    if site.python_extra_indexes:
        for name in ("PIP_EXTRA_INDEX_URL", "UV_INDEX"):
            found[name] = " ".join(map(whole, site.python_extra_indexes))
        # As pip does: the best version of any index, not the first index that knows the name.
        found["UV_INDEX_STRATEGY"] = "unsafe-best-match"
    return found


def apt_options(site: Site) -> tuple[str, ...]:
    """Options for apt-get in a resolver container: apt reads proxies from the environment, but
    certificates only from its own configuration."""
    if trusted_bundle(site) is None:
        return ()
    return ("-o", f"Acquire::https::CAInfo={CERTIFICATES}")


def _read(path: Path) -> dict[str, object]:
    import tomllib

    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise BadRequest(f"cannot be read: {error.strerror}", where=str(path)) from error
    try:
        settings: dict[str, object] = tomllib.loads(content.decode())
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BadRequest(f"is not valid TOML: {error}", where=str(path)) from error
    for key in settings:
        _known(key, _KEYS, str(path))
    return settings


def _known(key: str, keys: tuple[str, ...], where: str) -> None:
    if key in keys:
        return
    near = difflib.get_close_matches(key, keys, n=1)
    hint = f"did you mean {near[0]!r}?" if near else f"the known settings are {', '.join(keys)}"
    raise BadRequest(f"unknown setting {key!r}", where=where, next=hint)


def _text(value: object, key: str, where: str) -> str:
    if not isinstance(value, str) or not value.strip():
        raise BadRequest(f"{key} must be a text in quotes", where=where)
    return value


def _url(value: object, key: str, where: str) -> str:
    text = _text(value, key, where)
    if urlsplit(text).scheme not in ("http", "https", "file") or any(c.isspace() for c in text):
        raise BadRequest(
            f"{key} must be a URL, not {redacted(text)!r}",
            where=where,
            next="write http://… or https://…",
        )
    return text.rstrip("/")


def _first(variables: Mapping[str, str], names: tuple[str, ...]) -> str | None:
    return next((variables[name] for name in names if variables.get(name)), None)


def _proxies(variables: Mapping[str, str]) -> dict[str, str]:
    found = {name: _first(variables, (name, name.upper())) for name in _PROXY_VARIABLES}
    return {name: value for name, value in found.items() if value is not None}


def _proxy_table(value: object, where: str) -> dict[str, str]:
    if not isinstance(value, dict):
        raise BadRequest(
            "proxies must be a table", where=where, next='write [proxies] and https_proxy = "…"'
        )
    for key in value:
        _known(key, _PROXY_VARIABLES, where)
    return {key: _text(text, f"proxies.{key}", where) for key, text in value.items()}


def _certificates(value: object, variables: Mapping[str, str], where: str) -> Path | None:
    if value is not None:
        path = Path(_text(value, "certificates", where)).expanduser()
        path = path if path.is_absolute() else Path(where).parent / path
    else:
        name = next((n for n in _CERTIFICATE_VARIABLES if variables.get(n)), None)
        if name is None:
            return None
        path, where = Path(variables[name]).absolute(), f"environment variable {name}"
        if path.is_dir():  # requests allows a folder of hashed certificates; nothing else does
            return None
    if not path.is_file():
        raise BadRequest(
            f"the certificate bundle {path} does not exist",
            where=where,
            next="name a PEM file with the certificates that this machine trusts",
        )
    return path.resolve()


def _network(value: object, proxies: Mapping[str, str], where: str) -> Literal["default", "host"]:
    if value is None:
        # A proxy on this machine's own loopback cannot be reached from a container's network.
        hosts = {urlsplit(url).hostname for name, url in proxies.items() if name != "no_proxy"}
        return "host" if hosts & {"localhost", "127.0.0.1", "::1"} else "default"
    if value == "default" or value == "host":
        return "host" if value == "host" else "default"
    raise BadRequest('resolver_network must be "default" or "host"', where=where)


def _urls(value: object, key: str, where: str) -> tuple[str, ...]:
    if value is None:
        return ()
    if not isinstance(value, list):
        raise BadRequest(f"{key} must be a list of URLs", where=where)
    return tuple(_url(item, key, where) for item in value)


def _java_proxy_options(proxies: Mapping[str, str]) -> tuple[str, ...]:
    found = []
    for scheme in ("http", "https"):
        parts = urlsplit(proxies.get(f"{scheme}_proxy", proxies.get("all_proxy", "")))
        if parts.hostname is None:
            continue
        found.append(f"-D{scheme}.proxyHost={parts.hostname}")
        found.append(f"-D{scheme}.proxyPort={parts.port or 80}")
    direct = _java_no_proxy(proxies)
    if found and direct:
        found.append(f"-Dhttp.nonProxyHosts={direct}")
    return tuple(found)


def java_no_proxy(site: Site) -> str:
    """The servers that are reached without a proxy, as Java writes them."""
    return _java_no_proxy(dict(site.proxies))


def _java_no_proxy(proxies: Mapping[str, str]) -> str:
    names = [name.strip() for name in proxies.get("no_proxy", "").split(",") if name.strip()]
    return "|".join(f"*{name}" if name.startswith(".") else name for name in names)


def _truststore(bundle: Path) -> Path:
    import hashlib

    from reprokit import files
    from reprokit.truststore import java_truststore

    content = bundle.read_bytes()
    name = hashlib.sha256(content).hexdigest()
    path = folders.archives().parent / "certificates" / f"{name}.jks"
    if not path.is_file():
        with files.replacing(path) as file:
            file.write(java_truststore(content))
    return path
