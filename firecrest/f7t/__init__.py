"""A lean FirecREST: the API gateway and its services in one process."""

__version__ = "0.1.0"
