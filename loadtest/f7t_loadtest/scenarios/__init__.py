"""One small file for each scenario; see `f7t_loadtest.catalogue` for the list."""
