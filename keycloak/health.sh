#!/bin/bash
# Healthy: the realm is imported and answers. The official image has no HTTP client, so bash asks.
set -euo pipefail
exec 3<>"/dev/tcp/127.0.0.1/${KC_HTTP_PORT:-8080}"
printf 'GET /auth/realms/kcrealm HTTP/1.0\r\nHost: 127.0.0.1\r\n\r\n' >&3
read -r -t 4 _ status _ <&3
[ "$status" = 200 ]
