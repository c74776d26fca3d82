"""What a person may do with `firecrest`, from the first look to the last transfer."""

import io
import json
import shlex
import subprocess
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from tests.clients.scripts.driven import ENDED, MACHINE, fresh, new_client, report, watch
from tests.clients.scripts.typed import CommandLine, Typed, installed, prepare_environment

CONTENT = "".join(f"line {n}\n" for n in range(1, 13))
SLEEPER = "#!/bin/bash\n#SBATCH --job-name=typed\nsleep 300\n"


def looking(line: CommandLine) -> None:
    """Status, and who one is."""
    Path("config.yaml").write_text("system: cluster\n")
    line.run(
        services=Typed("services", ("--json",)),
        services_table=Typed("services"),
        service=Typed("services", ("-n", "compute", "--json")),
        systems=Typed("systems", ("--json",)),
        system=Typed("systems", ("-n", MACHINE, "--raw")),
        systems_table=Typed("systems"),
        parameters=Typed("parameters", ("--json",)),
        parameters_table=Typed("parameters"),
        filesystems=Typed("filesystems", ("--json",), without="FIRECREST_SYSTEM"),
        filesystem=Typed("filesystems", ("-s", MACHINE)),
        whoami=Typed("whoami", without="FIRECREST_SYSTEM"),
        id=Typed("id", ("-s", MACHINE)),
        nodes=Typed("get-nodes", ("--json",)),
        node=Typed("get-nodes", (MACHINE,)),
        partitions=Typed("get-partitions", ("xfer", "--json")),
        partitions_table=Typed("get-partitions"),
        reservations=Typed("get-reservations", ("--json",)),
        reservations_table=Typed("get-reservations"),
        reservation=Typed("get-reservations", ("nowhere", "--json")),
        old=Typed("get-nodes", before=("--api-version", "1.15.0")),
        configured=Typed(
            "ls", ("/srv",), before=("--config", "config.yaml"), without="FIRECREST_SYSTEM"
        ),
        verbose=Typed("systems", before=("--verbose", "--timeout", "30", "--auth-timeout", "30")),
        debug=Typed("systems", before=("--debug",)),
        bad_secret=Typed("systems", before=("--client-secret", "wrong")),
    )


def files(line: CommandLine, remote: str) -> None:
    """Small files."""
    Path("lines.txt").write_text(CONTENT)
    at = f"{remote}/lines.txt"
    line.run(
        upload=Typed("upload", ("lines.txt", remote)),
        upload_named=Typed("upload", ("lines.txt", remote, "other name.txt")),
        mkdir=Typed("mkdir", (f"{remote}/tree",)),
        mkdir_p=Typed("mkdir", (f"{remote}/a/b", "-p")),
    )
    line.run(
        symlink=Typed("symlink", (at, f"{remote}/link")),
        chmod=Typed("chmod", (at, "640")),
        chown=Typed("chown", (at, "--group", "hpc")),
        cp=Typed("cp", (at, f"{remote}/tree/copy.txt")),
        mv=Typed("mv", (f"{remote}/other name.txt", f"{remote}/tree/moved name.txt")),
    )
    line.run(
        ls=Typed("ls", (remote, "--json")),
        ls_table=Typed("ls", (remote, "-a")),
        ls_recursive=Typed("ls", (remote, "-R", "--json")),
        stat=Typed("stat", (f"{remote}/link", "--json")),
        stat_followed=Typed("stat", (f"{remote}/link", "-L", "--json")),
        stat_table=Typed("stat", (at,)),
        file=Typed("file", (at,)),
        checksum=Typed("checksum", (at,)),
        head=Typed("head", (at, "-n", "2")),
        head_rest=Typed("head", (at, "-n", "-11")),
        head_bytes=Typed("head", (at, "-c", "6")),
        head_both=Typed("head", (at, "-c", "6", "-n", "1")),
        tail=Typed("tail", (at, "-n", "1")),
        tail_rest=Typed("tail", (at, "-n", "+12")),
        tail_bytes=Typed("tail", (at, "-c", "3")),
        tail_both=Typed("tail", (at, "-c", "6", "-n", "1")),
        download=Typed("download", (at, "back.txt")),
        download_nowhere=Typed("download", (at,)),
        compress=Typed("compress", (f"{remote}/tree", f"{remote}/tree.tar.gz")),
        ls_absent=Typed("ls", (f"{remote}/absent",)),
        ls_denied=Typed("ls", ("/home/test1",)),
        other_system=Typed("ls", (remote, "-s", "nowhere")),
        rm_asked=Typed("rm", (at,), answer="n\n"),
    )
    line.run(
        extract=Typed("extract", (f"{remote}/tree.tar.gz", f"{remote}/a")),
        extract_told=Typed("extract", (f"{remote}/tree.tar.gz", f"{remote}/a/b", ".tgz")),
        rm=Typed("rm", (f"{remote}/link", "--force")),
    )
    line.run(extracted=Typed("ls", (remote, "-R", "--json")))


def transfers(line: CommandLine, remote: str) -> list[int]:
    """Through the staging area, and jobs inside the centre; their ids."""
    Path("staged.txt").write_text(CONTENT)
    at = f"{remote}/tree"
    now = ("--job-name", "typed-transfer", "--time", "5", "--account", "test")
    answers = line.run(
        upload_external=Typed("upload", ("staged.txt", remote, "--type", "external")),
        download_external=Typed("download", (f"{at}/copy.txt", "--type", "external")),
        template_cp=Typed("submit-template cp", (f"{at}/copy.txt", f"{remote}/cp.txt", *now)),
        template_mv=Typed("submit-template mv", (f"{at}/moved name.txt", f"{remote}/mv.txt")),
        template_rsync=Typed("submit-template rsync", (f"{at}/copy.txt", f"{remote}/rsync.txt")),
        template_compress=Typed("submit-template compress", (f"{remote}/a", f"{remote}/a.tar.gz")),
        template_extract=Typed("submit-template extract", (f"{remote}/tree.tar.gz", f"{remote}/x")),
        template_rm=Typed("submit-template rm", (f"{remote}/b",)),
    )
    command = answers["upload_external"]["printed"].split("finish the upload:\n")[1]
    subprocess.run(shlex.split(command), check=True, capture_output=True, timeout=60)
    templates = [answer for name, answer in answers.items() if name.startswith("template")]
    return [json.loads(answer["printed"])["jobid"] for answer in templates]


def jobs(line: CommandLine, remote: str, others: list[int]) -> None:
    """Submitted, seen, cancelled, accounted for."""
    Path("job.sh").write_text(SLEEPER)
    Path("short.sh").write_text('#!/bin/bash\necho "$F7T_WORD"\n')
    answers = line.run(
        submit=Typed("submit", ("job.sh", "--account", "test")),
        submit_remote=Typed("submit", (f"{remote}/job.sh", "--no-local")),
        submit_environment=Typed("submit", ("short.sh", "-e", "F7T_WORD=a=b", "-e", "OTHER=1")),
        submit_bad_environment=Typed("submit", ("short.sh", "-e", "F7T_WORD")),
    )
    sleepers = [
        json.loads(answers[name]["printed"])["jobid"] for name in ("submit", "submit_remote")
    ]
    short = json.loads(answers["submit_environment"]["printed"])
    ids = [str(one) for one in sleepers]
    line.run(
        poll_active=Typed("poll-active", (*ids, "--json")),
        poll_active_table=Typed("poll-active", tuple(ids)),
        tasks=Typed("tasks", ("--no-pager", "--json")),
        task=Typed("tasks", (short["firecrest_taskid"], "--json")),
        tasks_table=Typed("tasks", (short["firecrest_taskid"], "--no-pager")),
        tasks_paged=Typed("tasks", (short["firecrest_taskid"],)),
    )
    line.run(**{f"cancel_{n}": Typed("cancel", (one,)) for n, one in enumerate(ids)})
    yesterday, tomorrow = (datetime.now(UTC) + timedelta(days=n) for n in (-1, 1))
    period = ("--start-time", f"{yesterday:%Y-%m-%d}", "--end-time", f"{tomorrow:%m/%d/%y}")
    wanted = [*ids, str(short["jobid"]), *map(str, others)]
    while True:
        polled = line.run(poll=Typed("poll", (*wanted, *period, "--json")))["poll"]
        rows = json.loads(polled["printed"])
        over = [row for row in rows if row["state"].startswith(ENDED) and row["partition"]]
        if len(over) == len(wanted):
            break
        time.sleep(0.3)
    line.run(
        poll_table=Typed("poll", tuple(ids)),
        output=Typed("head", (short["job_file_out"],)),
        transferred=Typed("ls", (remote, "-R", "--json")),
        cancel_unknown=Typed("cancel", ("99999999",)),
    )


def main() -> dict[str, Any]:
    client = new_client("Firecrest").target
    remote = fresh("typed")
    for name in ("", "/b", "/x"):
        client.mkdir(MACHINE, f"{remote}{name}", p=True)
    client.simple_upload(MACHINE, io.BytesIO(SLEEPER.encode()), remote, "job.sh")
    prepare_environment()
    line = CommandLine()
    looking(line)
    files(line, remote)
    jobs(line, remote, transfers(line, remote))
    return {
        "typed": line.seen,
        "remote": remote,
        "installed": [installed("--version"), installed("whoami", "-s", MACHINE)],
    }


if __name__ == "__main__":
    watch()
    report(main())
