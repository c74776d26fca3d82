"""Embedded OpenID Connect issuer: answers as Keycloak does, from the file Keycloak imports."""
