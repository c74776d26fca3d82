"""Load tests: how much does this FirecREST carry? Knows the contract and a URL, nothing more."""
