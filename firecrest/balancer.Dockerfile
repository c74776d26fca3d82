# Several gateways as one service: Debian's HAProxy with the configuration of the profile `scale`.
ARG BASE=debian:bookworm-slim
FROM ${BASE}

RUN apt-get update \
 && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends haproxy \
 && rm -rf /var/lib/apt/lists/* /etc/haproxy \
 && groupadd --gid 10004 balancer \
 && useradd --uid 10004 --gid 10004 --no-create-home --home-dir / --shell /usr/sbin/nologin balancer

COPY firecrest/image/healthy /usr/local/bin/
COPY firecrest/balancer/haproxy.cfg /etc/haproxy/

USER 10004:10004
WORKDIR /
EXPOSE 8000
# It lets running requests end; SIGTERM would cut them off.
STOPSIGNAL SIGUSR1
HEALTHCHECK --interval=2s --timeout=5s --retries=15 CMD ["healthy", "8001", "/health/ready"]
ENTRYPOINT ["haproxy", "-W", "-db", "-f", "/etc/haproxy/haproxy.cfg"]
