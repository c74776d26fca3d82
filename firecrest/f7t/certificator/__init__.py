"""The delegation service as a process of its own: the only holder of the authority's key.

`python -m f7t.certificator` serves; `client` is how a gateway asks it. Plain HTTP in a private
network: `POST /certificates` and `GET /public-key` for who knows the shared secret,
`GET /health/ready` for everybody.
"""
