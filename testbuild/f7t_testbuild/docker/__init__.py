"""The Docker runtime: the same centre in containers, by Docker Compose."""
