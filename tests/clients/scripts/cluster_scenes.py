"""Jobs, queues, nodes and reservations with either client."""

import io
import secrets
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from tests.clients.scripts.driven import MACHINE, Driven, ended, failure, until

SCRIPT = '#!/bin/bash\n#SBATCH --job-name=client\necho "$F7T_WORD"\n'
SLEEPER = "#!/bin/bash\n#SBATCH --job-name=sleeper\n#SBATCH --time=10\nsleep 300\n"
DAY = timedelta(days=1)


async def jobs(client: Driven, remote: str, local: Path) -> dict[str, Any]:
    """All ways to submit, and the accounting of what came of it."""
    script = local / "job.sh"
    script.write_text(SCRIPT)
    await client.simple_upload(MACHINE, script, remote)
    there = f"{remote}/job.sh"
    # One after the other: the client shares state between calls that poll a task.
    submitted = {
        "text": await client.submit(MACHINE, script_str=SCRIPT, env_vars={"F7T_WORD": "a b,c"}),
        "local": await client.submit(MACHINE, script_local_path=str(script), account="test"),
        "remote": await client.submit(
            MACHINE, script_remote_path=there, env_vars={"F7T_WORD": "x"}
        ),
        "old local": await client.submit(MACHINE, str(script)),
        "old remote": await client.submit(MACHINE, there, local_file=False),
    }
    ids = [job["jobid"] for job in submitted.values()]
    seen: dict[str, Any] = {"submitted": submitted, "remote": remote}
    seen["rows"] = await ended(client, ids)
    memory = io.BytesIO()
    await client.simple_download(MACHINE, submitted["text"]["job_file_out"], memory)
    seen["output"] = memory.getvalue().decode()
    seen["output of the remote"] = await client.head(MACHINE, submitted["remote"]["job_file_out"])
    seen["poll by text"] = await client.poll(MACHINE, [str(one) for one in ids])
    seen["page"] = await client.poll(MACHINE, ids, page_size=2, page_number=1)
    today = datetime.now(UTC)
    starts = [
        (today - DAY).strftime(form) for form in ("%Y-%m-%d", "%Y-%m-%dT%H:%M:%S", "%m/%d/%y")
    ]
    ends = [
        (today + DAY).strftime(form) for form in ("%Y-%m-%d", "%Y-%m-%dT%H:%M", "%m/%d/%y-%H:%M")
    ]
    seen["periods"] = [
        [row["jobid"] for row in await client.poll(MACHINE, ids, start, end)]
        for start, end in zip(starts, ends, strict=True)
    ]
    long_ago = await client.poll(MACHINE, start_time="2020-01-01", end_time="2020-01-02")
    seen["long ago"] = long_ago
    seen["two scripts"] = await failure(
        client.submit(MACHINE, script_str=SCRIPT, script_remote_path=there)
    )
    return seen


async def absent(client: Driven, jobs: list[int]) -> bool:
    return not await client.poll_active(MACHINE, jobs)


async def jobs_in_pages(client: Driven, remote: str, local: Path) -> dict[str, Any]:
    """A job that runs and one that waits: listed, listed page by page, cancelled."""
    scripts = (SLEEPER, SLEEPER.replace("--time=10", "--time=10 --begin=now+1hour"))
    sleepers = [(await client.submit(MACHINE, script_str=text))["jobid"] for text in scripts]

    async def first_runs() -> list[dict[str, Any]]:
        jobs: list[dict[str, Any]] = await client.poll_active(MACHINE, sleepers)
        return jobs if "RUNNING" in {job["state"] for job in jobs} else []

    active = await until(first_runs)
    pages = [
        await client.poll_active(MACHINE, sleepers, page_size=1, page_number=number)
        for number in range(3)
    ]
    seen: dict[str, Any] = {
        "sleepers": sleepers,
        "active": active,
        "pages": [[job["jobid"] for job in page] for page in pages],
        "beyond": await failure(client.poll_active(MACHINE, sleepers, page_number=9)),
        "everything": [job["jobid"] for job in await client.poll_active(MACHINE)],
        "cancel": [await client.cancel(MACHINE, one) for one in sleepers],
    }
    # Slurm shows a cancelled job as completing until its processes are gone.
    await until(lambda: absent(client, sleepers))
    seen["states"] = [row["state"] for row in await ended(client, sleepers)]
    return seen


async def cluster(client: Driven, remote: str, local: Path) -> dict[str, Any]:
    """Nodes, partitions, and a reservation from its creation to its end."""
    kind = type(client.target).__name__.lower()
    name = f"client-{kind}-{secrets.token_hex(2)}"
    first = datetime.now(UTC).replace(microsecond=0) + (10 if "async" in kind else 20) * DAY
    times = [(first + n * timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M:%S") for n in range(3)]
    seen: dict[str, Any] = {
        "name": name,
        "times": times,
        "nodes": await client.nodes(MACHINE),
        "node": await client.nodes(MACHINE, ["cluster"]),
        "partitions": await client.partitions(MACHINE),
        "partition": await client.partitions(MACHINE, ["xfer"]),
        "unknown partition": await client.partitions(MACHINE, ["nowhere"]),
        "unknown reservation": await client.reservations(MACHINE, ["nowhere"]),
        "create": await client.create_reservation(
            MACHINE, name, "test", "1", "f7t", times[0], times[1]
        ),
    }

    def of_all(listed: list[dict[str, Any]], key: str) -> list[dict[str, Any]]:
        return [one for one in listed if one[key] == name]

    seen["reservation"] = await client.reservations(MACHINE, [name])
    seen["reservations"] = of_all(await client.reservations(MACHINE), "ReservationName")
    seen["created"] = of_all(await client.all_reservations(MACHINE), "reservationname")
    seen["update"] = await client.update_reservation(
        MACHINE, name, "test", "2", "f7t", times[0], times[2]
    )
    seen["updated"] = of_all(await client.all_reservations(MACHINE), "reservationname")
    seen["delete"] = await client.delete_reservation(MACHINE, name)
    seen["deleted"] = of_all(await client.all_reservations(MACHINE), "reservationname")
    return seen
