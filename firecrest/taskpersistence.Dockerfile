# The task store: Debian's Redis, set up so that a task it confirmed is on disk.
ARG BASE=debian:bookworm-slim
FROM ${BASE}

RUN apt-get update \
 && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends redis-server \
 && rm -rf /var/lib/apt/lists/* /etc/redis /var/lib/redis /var/log/redis \
 && groupadd --gid 10003 taskstore \
 && useradd --uid 10003 --gid 10003 --no-create-home --home-dir /data --shell /usr/sbin/nologin taskstore \
 && mkdir /data \
 && chown 10003:10003 /data \
 && chmod 0700 /data

COPY firecrest/taskpersistence/ /usr/local/bin/

USER 10003:10003
WORKDIR /data
VOLUME /data
ENV REDIS_PASSWORD_FILE=/run/secrets/redis_password
EXPOSE 6379
HEALTHCHECK --interval=2s --timeout=3s --retries=30 CMD ["taskpersistence-health"]
ENTRYPOINT ["taskpersistence"]
