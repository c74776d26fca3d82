# MinIO from its source: the project publishes no images any more, and the last ones are not to be had
# on machines that reach Go's module proxy and no container registry.
ARG BASE=debian:bookworm-slim
ARG GO_BASE=debian:trixie-slim
FROM ${GO_BASE} AS build

RUN apt-get update \
 && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends \
    ca-certificates golang-go

# Given only where another module proxy is to be used.
ARG GOPROXY
ARG GOSUMDB
# The last commit before the project was archived. The module's version names its commit and time; the
# release tag says DEVELOPMENT, as MinIO's own builds of untagged commits do.
ARG MINIO_MODULE=v0.0.0-20260212201848-7aac2a2c5b7c
ARG MINIO_TIME=2026-02-12T20:18:48Z
# GOMAXPROCS bounds the parallel compilers, and so the memory.
RUN export CGO_ENABLED=0 GOTOOLCHAIN=local GOBIN=/out GOMAXPROCS=2 \
 && cmd=github.com/minio/minio/cmd \
 && go install -trimpath -ldflags "-s -w \
    -X $cmd.Version=${MINIO_TIME} \
    -X $cmd.ReleaseTag=DEVELOPMENT.$(echo "${MINIO_TIME}" | tr : -) \
    -X $cmd.CommitID=${MINIO_MODULE##*-} \
    -X $cmd.ShortCommitID=${MINIO_MODULE##*-} \
    -X $cmd.CopyrightYear=${MINIO_TIME%%-*}" \
    "github.com/minio/minio@${MINIO_MODULE}"

FROM ${BASE}
RUN apt-get update \
 && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends ca-certificates curl \
 && rm -rf /var/lib/apt/lists/* \
 && useradd --uid 1000 --user-group --no-create-home --home-dir /tmp --shell /usr/sbin/nologin minio \
 && mkdir /data \
 && chown 1000:1000 /data
COPY --from=build /out/minio /usr/local/bin/minio

# As in the official image. No console, and the vendor is not asked for updates.
ENV MINIO_ROOT_USER_FILE=access_key \
    MINIO_ROOT_PASSWORD_FILE=secret_key \
    MINIO_BROWSER=off \
    MINIO_UPDATE=off

USER 1000:1000
VOLUME /data
EXPOSE 9000
HEALTHCHECK --interval=2s --timeout=3s --retries=30 CMD ["curl", "-fsS", "-o", "/dev/null", "http://127.0.0.1:9000/minio/health/ready"]
ENTRYPOINT ["minio"]
CMD ["server", "/data", "--address", ":9000"]
