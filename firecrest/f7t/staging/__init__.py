"""The staging area: object storage between clients and the cluster."""
