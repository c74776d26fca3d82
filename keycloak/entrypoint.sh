#!/bin/bash
# Starts Keycloak with the testbuild's realm. Secrets come from files in the directory F7T_SECRETS, so
# that `docker inspect` shows none; Keycloak itself takes them from its environment only.
set -euo pipefail

secrets=${F7T_SECRETS:-/run/f7t}

secret() {
    if [ ! -s "$secrets/$1" ] || [ ! -r "$secrets/$1" ]; then
        echo "keycloak: $secrets/$1 is absent, empty or not readable for $(id -u)" >&2
        return 1
    fi
    cat "$secrets/$1"
}

F7T_CLIENT_SECRET=$(secret client_secret)
F7T_ROBOT_SECRET=$(secret robot_secret)
KC_BOOTSTRAP_ADMIN_PASSWORD=$(secret keycloak_admin_password)
KC_BOOTSTRAP_ADMIN_USERNAME=${KC_BOOTSTRAP_ADMIN_USERNAME:-admin}
export F7T_CLIENT_SECRET F7T_ROBOT_SECRET KC_BOOTSTRAP_ADMIN_PASSWORD KC_BOOTSTRAP_ADMIN_USERNAME

# A fresh volume or tmpfs hides what the image has below data.
mkdir -p /opt/keycloak/data/import
cp -f /opt/f7t/kcrealm-realm.json /opt/keycloak/data/import/kcrealm-realm.json

exec /opt/keycloak/bin/kc.sh start --optimized --import-realm "$@"
