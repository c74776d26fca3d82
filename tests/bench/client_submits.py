"""Run by the official client's own interpreter: one `submit()` per line of input, times out.

Prints for each a JSON line: `seconds` of wall time and the `directory` of the job.
"""

import importlib
import json
import os
import sys
import time


class Token:
    """What the client takes for credentials: a token that is at hand."""

    def get_access_token(self) -> str:
        return os.environ["TOKEN"]


def main() -> None:
    # Imported by name: the project has a folder that is called the same.
    v1 = importlib.import_module("firecrest.v1")
    client = v1.Firecrest(firecrest_url=os.environ["FIRECREST_URL"], authorization=Token())
    for _ in sys.stdin:
        began = time.perf_counter()
        job = client.submit(os.environ["MACHINE"], script_local_path=os.environ["SCRIPT"])
        seconds = time.perf_counter() - began
        directory = job["job_file"].rpartition("/")[0]
        print(json.dumps({"seconds": seconds, "directory": directory}), flush=True)


if __name__ == "__main__":
    main()
