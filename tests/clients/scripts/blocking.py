"""Everything of this testbuild that the blocking client can do; what it answered, as JSON."""

import io
import json
import os
import time
import urllib.error
import urllib.request
from importlib import import_module
from pathlib import Path
from typing import Any

# By name: for a type checker the repository's own folder `firecrest` stands before the package.
firecrest: Any = import_module("firecrest")

MACHINE = os.environ["MACHINE"]
SLEEPER = "#!/bin/bash\n#SBATCH --job-name=sleeper\nsleep 300\n"
SCRIPT = '#!/bin/bash\n#SBATCH --job-name=client\necho "$F7T_WORD"\n'

client = firecrest.v1.Firecrest(
    firecrest_url=os.environ["FIRECREST_URL"],
    authorization=firecrest.ClientCredentialsAuth(
        os.environ["CLIENT_ID"], os.environ["CLIENT_SECRET"], os.environ["TOKEN_URL"]
    ),
)
user = client.whoami()
home = f"/home/{user}"
seen: dict[str, Any] = {"version": firecrest.__version__, "whoami": user}

seen["systems"] = client.all_systems()
seen["system"] = client.system(MACHINE)
seen["services"] = client.all_services()
seen["service"] = client.service("compute")
seen["parameters"] = client.parameters()

Path("local.dat").write_bytes(bytes(range(256)))
client.simple_upload(MACHINE, "local.dat", home)
client.simple_upload(MACHINE, io.BytesIO(b"from memory"), home, "in memory.dat")
seen["list_files"] = client.list_files(MACHINE, home)
seen["hidden"] = [entry["name"] for entry in client.list_files(MACHINE, home, show_hidden=True)]
client.simple_download(MACHINE, f"{home}/local.dat", "back.dat")
seen["round_trip"] = Path("back.dat").read_bytes() == bytes(range(256))
memory = io.BytesIO()
client.simple_download(MACHINE, f"{home}/in memory.dat", memory)
seen["in_memory"] = memory.getvalue().decode()

Path("job.sh").write_text(SCRIPT)
client.simple_upload(MACHINE, "job.sh", home)
submitted = {
    "text": client.submit(MACHINE, script_str=SCRIPT, env_vars={"F7T_WORD": "a b,c"}),
    "local": client.submit(MACHINE, script_local_path="job.sh", account="test"),
    "remote": client.submit(MACHINE, script_remote_path=f"{home}/job.sh"),
}
seen["submitted"] = submitted
ids = [job["jobid"] for job in submitted.values()]


def accounted(jobs: list[int]) -> bool:
    """Whether all jobs have ended; a fresh record lacks its partition and name for a while."""
    rows = client.poll(MACHINE, jobs)
    over = [row for row in rows if row["state"] == "COMPLETED" and row["partition"]]
    return len(over) == len(jobs)


while not accounted(ids):
    time.sleep(0.3)
seen["poll"] = client.poll(MACHINE, ids)
client.simple_download(MACHINE, submitted["text"]["job_file_out"], "job.out")
seen["output"] = Path("job.out").read_text()

sleeper = client.submit(MACHINE, script_str=SLEEPER)["jobid"]
seen["sleeper"] = sleeper
seen["poll_active"] = client.poll_active(MACHINE, [sleeper])
seen["active_page"] = len(client.poll_active(MACHINE, page_size=1, page_number=0))
seen["cancel"] = client.cancel(MACHINE, sleeper)
# Slurm shows a cancelled job as completing until its processes are gone.
deadline = time.monotonic() + 20
while True:
    seen["active_after_cancel"] = [job["jobid"] for job in client.poll_active(MACHINE)]
    if str(sleeper) not in seen["active_after_cancel"] or time.monotonic() > deadline:
        break

Path("large file.dat").write_bytes(os.urandom(1024) * 6144)
upload = client.external_upload(MACHINE, "large file.dat", home)
seen["upload_command"] = upload.object_storage_data["command"]
upload.finish_upload()
while upload.in_progress:
    time.sleep(0.2)
seen["upload_status"] = upload.status
seen["upload_data"] = upload.data

download = client.external_download(MACHINE, f"{home}/large file.dat")
download.finish_download("large.back")
seen["download_status"] = download.status
same = Path("large.back").read_bytes() == Path("large file.dat").read_bytes()
seen["external_round_trip"] = same
link = download.object_storage_link
download.invalidate_object_storage_link()
try:
    urllib.request.urlopen(link)
    seen["link_after_invalidation"] = 200
except urllib.error.HTTPError as error:
    seen["link_after_invalidation"] = error.code
    error.close()

print(json.dumps(seen))
