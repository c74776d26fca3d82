"""One router per FirecREST service."""
