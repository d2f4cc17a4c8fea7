from __future__ import annotations

from pathlib import Path

import pytest

from reprokit import site
from reprokit.errors import BadRequest
from reprokit.phases.resolver import resolver_environment_of_host
from reprokit.site import Site, load
from reprokit.truststore import certificates, java_truststore


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("REPROKIT_HOME", str(tmp_path))
    (tmp_path / "configuration").mkdir()
    return tmp_path / "configuration"


def test_the_documented_file_is_a_valid_one(home: Path) -> None:
    page = (Path(__file__).parent.parent / "docs" / "site.md").read_text()
    example = page.partition("```toml\n")[2].partition("```")[0]
    (home / "institute.pem").write_text("")
    (home / "site.toml").write_text(example)
    found = load({})
    assert found.maven_mirror == "https://maven.example.org/maven2"
    assert dict(found.proxies)["no_proxy"] == ".example.org"


def test_nothing_needs_to_be_set(home: Path) -> None:
    assert load({}) == Site()


def test_the_file_is_read(home: Path) -> None:
    (home / "bundle.pem").write_text("")
    (home / "site.toml").write_text(
        'certificates = "bundle.pem"\n'
        'debian_mirror = "http://mirror.example/debian/"\n'
        'registry_mirrors = ["http://127.0.0.1:5000"]\n'
        'resolver_network = "host"\n'
        "[proxies]\n"
        'https_proxy = "http://proxy.example:3128"\n'
    )
    assert load({}) == Site(
        certificates=home / "bundle.pem",
        debian_mirror="http://mirror.example/debian",
        registry_mirrors=("http://127.0.0.1:5000",),
        resolver_network="host",
        proxies=(("https_proxy", "http://proxy.example:3128"),),
    )


def test_the_environment_fills_what_the_file_leaves_open(home: Path) -> None:
    (home / "a.pem").write_text("")
    (home / "site.toml").write_text('[proxies]\nhttp_proxy = "http://file.example:1"\n')
    found = load(
        {
            "SSL_CERT_FILE": str(home / "a.pem"),
            "HTTP_PROXY": "http://environment.example:1",
            "https_proxy": "http://environment.example:2",
            "PIP_INDEX_URL": "https://index.example/simple",
        }
    )
    assert found.certificates == home / "a.pem"
    assert found.python_index == "https://index.example/simple"
    assert dict(found.proxies) == {
        "http_proxy": "http://file.example:1",
        "https_proxy": "http://environment.example:2",
    }


def test_a_proxy_on_the_loopback_needs_the_host_network(home: Path) -> None:
    assert load({"https_proxy": "http://127.0.0.1:3128"}).resolver_network == "host"
    assert load({"https_proxy": "http://proxy.example:3128"}).resolver_network == "default"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('debian_miror = "http://x"', "did you mean 'debian_mirror'?"),
        ('[proxies]\nhttps = "http://x"', "did you mean 'https_proxy'?"),
        ("debian_mirror = 3", "must be a text"),
        ('maven_mirror = "repo.example"', "must be a URL"),
        ('maven_mirror = "http://a b"', "must be a URL"),
        ('resolver_network = "bridge"', '"default" or "host"'),
        ('certificates = "nowhere.pem"', "does not exist"),
        ("proxies = 1", "must be a table"),
        ('registry_mirrors = "http://x"', "must be a list"),
        ("a =", "is not valid TOML"),
    ],
)
def test_a_wrong_file_is_explained(home: Path, content: str, message: str) -> None:
    (home / "site.toml").write_text(content)
    with pytest.raises(BadRequest) as caught:
        load({})
    assert message in str(caught.value)
    assert "site.toml" in str(caught.value)


def test_a_missing_bundle_in_the_environment_names_the_variable(home: Path) -> None:
    with pytest.raises(BadRequest, match="PIP_CERT"):
        load({"PIP_CERT": "/nowhere/bundle.pem"})


def test_resolver_containers_get_certificates_and_proxies(home: Path) -> None:
    (home / "a.pem").write_text("")
    here = Site(
        certificates=home / "a.pem",
        proxies=(("https_proxy", "http://proxy.example:3128"), ("no_proxy", ".inside.example,x")),
        python_index="https://index.example/simple",
    )
    environment = site.resolver_environment(here)
    assert environment["https_proxy"] == environment["HTTPS_PROXY"] == "http://proxy.example:3128"
    assert environment["SSL_CERT_FILE"] == environment["PIP_CERT"] == site.CERTIFICATES
    assert environment["UV_DEFAULT_INDEX"] == "https://index.example/simple"
    assert environment["JAVA_TOOL_OPTIONS"].split() == [
        "-Dhttps.proxyHost=proxy.example",
        "-Dhttps.proxyPort=3128",
        "-Dhttp.nonProxyHosts=*.inside.example|x",
        f"-Djavax.net.ssl.trustStore={site.TRUSTSTORE}",
        "-Djavax.net.ssl.trustStorePassword=changeit",
    ]
    binds = {bind.target: bind for bind in site.resolver_binds(here)}
    assert binds[site.CERTIFICATES].source == home / "a.pem"
    assert binds[site.TRUSTSTORE].source.read_bytes()[:4] == b"\xfe\xed\xfe\xed"
    assert not any(bind.writable for bind in binds.values())


def test_a_truststore_is_the_same_each_time_and_repeats_nothing() -> None:
    block = b"-----BEGIN CERTIFICATE-----\nAAEC\n-----END CERTIFICATE-----\n"
    assert certificates(block + b"# a comment\n" + block) == (b"\x00\x01\x02",)
    assert java_truststore(block) == java_truststore(block * 2)


def test_the_index_is_asked_also_by_what_resolves_on_this_machine() -> None:
    found = resolver_environment_of_host(Site(python_index="https://pypi.example.org/simple"))
    assert found["UV_DEFAULT_INDEX"] == "https://pypi.example.org/simple"
