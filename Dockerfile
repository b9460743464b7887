# check=skip=SecretsUsedInArgOrEnv
# (AUTH, which that check takes for a secret, says who needs one.)
#
# Swift packages that the build cannot take from GitHub: empty, unless the build names a folder of them with
#   docker build --build-context swift-packages=FOLDER .
# as `make image` does when scripts/setup has filled one.
FROM scratch AS swift-packages

FROM swift:6.3-bookworm AS build
RUN apt-get update \
  && apt-get install -y --no-install-recommends libhiredis-dev libisal-dev libjemalloc-dev libsqlite3-dev \
    libxml2-dev libyaml-dev pkg-config \
  && rm -rf /var/lib/apt/lists/*
WORKDIR /cairn
COPY Package.swift ./
COPY Sources Sources
COPY Tests Tests
# The cache keeps what was compiled for the next build; the program is copied out, as the cache is not in the image.
RUN --mount=type=bind,from=swift-packages,target=/swift-packages \
  --mount=type=cache,target=/cairn/.build,id=cairn-build,sharing=locked \
  if [ -e /swift-packages/swift-nio ]; then export SWIFTCI_USE_LOCAL_DEPS=1 CAIRN_SWIFT_PACKAGES=/swift-packages; fi \
  && swift build -c release --product cairn --static-swift-stdlib -Xswiftc -cross-module-optimization \
  && install -s .build/release/cairn /usr/local/bin/cairn

FROM debian:bookworm-slim
RUN apt-get update \
  && apt-get install -y --no-install-recommends libhiredis0.14 libisal2 libjemalloc2 libsqlite3-0 libstdc++6 libxml2 libyaml-0-2 \
  && rm -rf /var/lib/apt/lists/* \
  && groupadd --system --gid 10001 cairn \
  && useradd --system --uid 10001 --gid cairn --no-create-home --home-dir /data --shell /usr/sbin/nologin cairn \
  && install -d -o cairn -g cairn /data
COPY --from=build /usr/local/bin/cairn /usr/local/bin/cairn
COPY scripts/healthcheck /usr/local/bin/healthcheck
# Fails the build where a library is missing.
RUN cairn --version
USER cairn
# Others than its own machine may reach a container: everybody needs an access key, and `cairn server` logs the first.
ENV HOST=0.0.0.0 PORT=8000 BASE_STORAGE_PATH=/data AUTH=required
VOLUME /data
EXPOSE 8000 9000
HEALTHCHECK --interval=10s --timeout=10s --start-period=30s --retries=3 CMD healthcheck cairn "$PORT"
ENTRYPOINT ["cairn"]
CMD ["server"]
