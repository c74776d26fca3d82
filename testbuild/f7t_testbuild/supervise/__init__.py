"""A small supervision: parts with dependencies, readiness, restarts, logs and a control socket.

It runs twice in a testbuild: as the outer supervisor of all parts, and inside the cluster's
namespaces as their process 1. Standard library only, because the inner one must not depend on
files that its private root file system hides.
"""
