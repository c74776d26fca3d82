"""Does this FirecREST keep the contract? A suite that knows the contract and a URL only."""

__version__ = "0.1.0"
