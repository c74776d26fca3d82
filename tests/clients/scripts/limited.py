"""More calls than the gateway allows: how many came through, and how often the client waited."""

import json
import logging
import os
from importlib import import_module
from typing import Any

# By name: for a type checker the repository's own folder `firecrest` stands before the package.
firecrest: Any = import_module("firecrest")


class Waits(logging.Handler):
    """Counts what the client says of its waiting."""

    count = 0

    def emit(self, record: logging.LogRecord) -> None:
        self.count += record.getMessage().startswith("Rate limit is reached, will sleep")


waits = Waits()
logging.basicConfig(level=logging.INFO, handlers=[waits])
authorization = firecrest.ClientCredentialsAuth(
    os.environ["CLIENT_ID"], os.environ["CLIENT_SECRET"], os.environ["TOKEN_URL"]
)
client = firecrest.v1.Firecrest(
    firecrest_url=os.environ["FIRECREST_URL"], authorization=authorization
)
answers = [client.all_services() for _ in range(int(os.environ["CALLS"]))]
print(json.dumps({"answered": sum(map(bool, answers)), "waits": waits.count}))
