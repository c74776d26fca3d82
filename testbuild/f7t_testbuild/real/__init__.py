"""The real Keycloak and the real MinIO for this machine: fetched once, kept in a cache."""
