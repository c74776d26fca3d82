# Keycloak as keycloak/Dockerfile has it, from the distribution in Maven's central repository: for
# machines that reach that and no container registry.
ARG BASE=debian:bookworm-slim
FROM ${BASE} AS distribution

# Java's package links its manual pages even where manuals are left out: the directory has to exist.
RUN mkdir -p /usr/share/man/man1 \
 && apt-get update \
 && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends \
    ca-certificates maven openjdk-17-jdk-headless

# The checksum belongs to the version: change both.
ARG KEYCLOAK_VERSION=26.7.3
ARG KEYCLOAK_SHA256=77657f30b7e90d70f727712ce1c967f430fd6a5e9f458d32d8c6df0635345f47
RUN mvn --batch-mode --no-transfer-progress --strict-checksums \
    org.apache.maven.plugins:maven-dependency-plugin:3.8.1:get \
    -Dartifact=org.keycloak:keycloak-quarkus-dist:${KEYCLOAK_VERSION}:tar.gz -Dtransitive=false \
 && archive=/root/.m2/repository/org/keycloak/keycloak-quarkus-dist/${KEYCLOAK_VERSION}/keycloak-quarkus-dist-${KEYCLOAK_VERSION}.tar.gz \
 && echo "${KEYCLOAK_SHA256}  $archive" | sha256sum --check --quiet \
 && mkdir -p /opt/keycloak \
 && tar -xzf "$archive" -C /opt/keycloak --strip-components=1 --no-same-owner \
 && rm -rf /root/.m2/repository/org/keycloak

# What `kc.sh build` fixes; the rest is given at the start.
ENV KC_DB=dev-file \
    KC_CACHE=local \
    KC_HTTP_RELATIVE_PATH=/auth \
    KC_HEALTH_ENABLED=true
RUN /opt/keycloak/bin/kc.sh build \
 && mkdir -p /opt/keycloak/data \
 && chown 1000:0 /opt/keycloak/data

FROM ${BASE}
RUN mkdir -p /usr/share/man/man1 \
 && apt-get update \
 && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends \
    ca-certificates openjdk-17-jre-headless \
 && rm -rf /var/lib/apt/lists/* \
 && useradd --uid 1000 --gid 0 --no-create-home --home-dir /opt/keycloak --shell /usr/sbin/nologin keycloak

COPY --from=distribution /opt/keycloak /opt/keycloak

ENV KC_DB=dev-file \
    KC_CACHE=local \
    KC_HTTP_RELATIVE_PATH=/auth \
    KC_HEALTH_ENABLED=true \
    KC_HTTP_ENABLED=true \
    KC_HTTP_PORT=8080 \
    KC_HOSTNAME_BACKCHANNEL_DYNAMIC=true \
    KC_RUN_IN_CONTAINER=true \
    JAVA_OPTS_KC_HEAP="-Xms64m -Xmx512m"

COPY keycloak/realm.json /opt/f7t/kcrealm-realm.json
COPY keycloak/entrypoint.sh keycloak/health.sh /opt/f7t/

USER 1000
EXPOSE 8080
HEALTHCHECK --interval=3s --timeout=5s --start-period=300s --retries=10 CMD ["/opt/f7t/health.sh"]
ENTRYPOINT ["/opt/f7t/entrypoint.sh"]
