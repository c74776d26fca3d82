"""Load tests: how much does this FirecREST carry? They know the contract and a URL only."""
