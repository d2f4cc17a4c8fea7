# Packages as of 2024-06-01, locked by reprokit 0.1.0. Everything it
# installs lies in vendor/, checked by SHA-256, so it builds without a network:
#   docker build --network none --tag NAME .
#   docker run --rm --network none --volume "$PWD/results:/app/results" NAME

FROM localhost/reprokit/debian:bookworm-0123456789ab AS system
ARG SOURCE_DATE_EPOCH=1717200000
# System packages
RUN --mount=type=bind,source=vendor/debs,target=/mnt/debs \
    export DEBIAN_FRONTEND=noninteractive PERL_HASH_SEED=0 && \
    sh -c 'apt-get install -y -qq --no-install-recommends /mnt/debs/*.deb' && \
    rm -f /var/log/apt/history.log /var/log/apt/term.log /var/log/apt/eipp.log.xz \
      /var/log/dpkg.log /var/log/alternatives.log /var/cache/apt/pkgcache.bin \
      /var/cache/apt/srcpkgcache.bin /var/cache/ldconfig/aux-cache \
      /var/cache/debconf/config.dat-old /var/cache/debconf/templates.dat-old \
      /var/lib/dpkg/status-old
# Whoever runs this is not root; group 0 may write, as any --user is put into it.
RUN useradd --uid 1000 --gid 0 --non-unique --no-log-init --create-home --home-dir \
      /home/repro repro && \
    install -d -o 1000 -g 0 -m 0775 /app /app/results && \
    chmod -R g=u /home/repro

FROM system AS build
ARG SOURCE_DATE_EPOCH=1717200000
# System packages: maven
RUN --mount=type=bind,source=vendor/debs-build,target=/mnt/debs \
    export DEBIAN_FRONTEND=noninteractive PERL_HASH_SEED=0 && \
    sh -c 'apt-get install -y -qq --no-install-recommends /mnt/debs/*.deb' && \
    rm -f /var/log/apt/history.log /var/log/apt/term.log /var/log/apt/eipp.log.xz \
      /var/log/dpkg.log /var/log/alternatives.log /var/cache/apt/pkgcache.bin \
      /var/cache/apt/srcpkgcache.bin /var/cache/ldconfig/aux-cache \
      /var/cache/debconf/config.dat-old /var/cache/debconf/templates.dat-old \
      /var/lib/dpkg/status-old

FROM build AS build-maven
ARG SOURCE_DATE_EPOCH=1717200000
WORKDIR /build
COPY ["app/pom.xml", "/build/pom.xml"]
COPY ["app/src", "/build/src"]
# Compile
RUN --mount=type=bind,source=vendor/m2,target=/m2,rw \
    mvn -o package

FROM system
ARG SOURCE_DATE_EPOCH=1717200000

# Python packages
RUN --mount=type=bind,source=vendor/wheels,target=/mnt/wheels \
    export UV_OFFLINE=1 && \
    uv venv /opt/venv && \
    uv pip install numpy==1.26.4

ENV LANG="C.UTF-8" \
    MONEY="a\"\$b" \
    PATH="/opt/venv/bin:$PATH"

COPY ["Dockerfile", "vendor/reprokit/plan.json", "vendor/reprokit/repro.lock", "/usr/share/reprokit/"]
COPY --chown=1000:0 ["app/", "/app/"]
COPY --chown=1000:0 --from=build-maven ["/build/target/a.jar", "/app/target/a.jar"]

LABEL org.opencontainers.image.base.name="localhost/reprokit/debian:bookworm-0123456789ab" \
      org.reprokit.owner="reprokit" \
      org.reprokit.lock="sha256:1713d9d4576389cabaebeecac842f1c4d087989f00534f587df8de62a9efe379"
ENV HOME=/home/repro
USER 1000:0
WORKDIR /app
VOLUME /app/results
ENTRYPOINT ["python", "analysis.py"]
