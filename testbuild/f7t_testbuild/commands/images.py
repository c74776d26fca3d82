"""`f7t images`: the images of the Docker runtime, also where none can be pulled."""

from __future__ import annotations

import sys
from dataclasses import asdict
from pathlib import Path

import click

from f7t_testbuild import present
from f7t_testbuild.commands.common import (
    EXIT_FAILED,
    Failure,
    PackagesFailure,
    as_json,
    json_option,
    state_root_option,
    state_root_or_default,
)
from f7t_testbuild.commands.up import no_install_option, termination_interrupts
from f7t_testbuild.images import bases, engine, record, sources
from f7t_testbuild.images.build import Wish, Workshop
from f7t_testbuild.images.catalogue import SLURM_BASES
from f7t_testbuild.images.sources import Mirror
from f7t_testbuild.packages import InstallationFailed, PackagesMissing
from f7t_testbuild.progress import progress_on
from f7t_testbuild.remembered import BadRecord

_CHECKOUT = Path(__file__).resolve().parents[3]
_LOGS = ".images"
"""Directory below the state root: no testbuild can have such a name."""


@click.command()
@state_root_option
@click.option(
    "--slurm",
    "releases",
    multiple=True,
    type=click.Choice([*SLURM_BASES, "all"]),
    help="Release of Slurm, repeatable  [default: 19.05, or 22.05 where Ubuntu's base is missing]",
)
@click.option("--no-keycloak", is_flag=True, help="Do not try for Keycloak: embedded issuer.")
@click.option("--no-minio", is_flag=True, help="Do not try for MinIO: embedded store.")
@click.option("--balancer", is_flag=True, help="HAProxy's image for several gateways as well.")
@click.option("--suite", is_flag=True, help="The conformance suite's image as well.")
@click.option("--pull", is_flag=True, help="Try the registries' images first.")
@click.option("--rebuild-bases", is_flag=True, help="Make bases again that are there.")
@click.option(
    "--debian-mirror",
    metavar="URI",
    envvar="F7T_DEBIAN_MIRROR",
    help="Make Debian bases from here  [default: this machine's apt sources]",
)
@click.option(
    "--ubuntu-mirror",
    metavar="URI",
    envvar="F7T_UBUNTU_MIRROR",
    help="Make ubuntu:20.04, the base of Slurm 19.05, from here.",
)
@click.option(
    "--extra-ca",
    "authorities",
    metavar="DIR",
    multiple=True,
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Bases trust the *.crt files of DIR too, repeatable; those of "
    f"{bases.MACHINE_CERTIFICATES} always.",
)
@no_install_option
@json_option
@click.pass_context
def images(
    context: click.Context,
    state_root: Path | None,
    releases: tuple[str, ...],
    no_keycloak: bool,
    no_minio: bool,
    balancer: bool,
    suite: bool,
    pull: bool,
    rebuild_bases: bool,
    debian_mirror: str | None,
    ubuntu_mirror: str | None,
    authorities: tuple[Path, ...],
    no_install: bool,
    as_document: bool,
) -> None:
    """Build the images of the Docker runtime, without any registry unless --pull.

    Bases are made with mmdebstrap from this machine's Debian mirror under the official names; one
    that is there is kept. Keycloak and MinIO are the official images if the engine has them, else
    built from Maven's repository and Go's module proxy, else the embedded ones take their place.
    The table at the end says which and why. f7t up takes its defaults from what was built.

    \b
    Examples:
      f7t images
      f7t images --slurm 22.05 --slurm 24.11 --no-minio
      f7t images --pull --slurm all
      f7t images --suite

    Exit codes: 0 built, 1 something without a substitute was not built, 2 packages are missing.
    """
    root = state_root_or_default(state_root)
    _require_engine()
    if not (_CHECKOUT / "pyproject.toml").is_file():
        raise Failure(
            "images are built from a checkout, and this is an installed package",
            hint="clone the project and run make images there",
        )
    wish = Wish(
        releases=tuple(SLURM_BASES) if "all" in releases else tuple(dict.fromkeys(releases)),
        keycloak=not no_keycloak,
        minio=not no_minio,
        balancer=balancer,
        suite=suite,
        pull=pull,
        rebuild_bases=rebuild_bases,
        install=not no_install,
        debian=Mirror(debian_mirror, None) if debian_mirror else sources.debian_mirror(),
        # Ubuntu's mirrors hold the security suite in the same archive.
        ubuntu=Mirror(ubuntu_mirror, ubuntu_mirror) if ubuntu_mirror else None,
        certificates=bases.certificates([bases.MACHINE_CERTIFICATES, *authorities]),
    )
    workshop = _make(wish, root)
    _report(workshop, root, as_document=as_document)
    context.exit(EXIT_FAILED if any(it.failed for it in workshop.outcomes) else 0)


def _require_engine() -> None:
    try:
        engine.require_engine()
    except engine.EngineAbsent as absence:
        raise Failure(
            f"no Docker engine answers: {absence}",
            hint="start yours, or have one of Debian's packages (root): .ci/engine start\n"
            "without one, f7t up runs everything natively",
        ) from None


def _make(wish: Wish, root: Path) -> Workshop:
    try:
        known = record.load(root) or record.Record()
    except BadRecord as error:
        raise Failure(str(error)) from error
    with termination_interrupts(), progress_on(sys.stderr) as progress:
        workshop = Workshop(wish, _CHECKOUT, root / _LOGS, known, progress)
        try:
            workshop.make_all()
        except PackagesMissing as absence:
            raise PackagesFailure(absence.message, hint=absence.hint) from absence
        except InstallationFailed as failure:
            raise PackagesFailure(failure.message, log_tail=failure.log_tail) from failure
    record.save(root, workshop.record)
    return workshop


def _report(workshop: Workshop, root: Path, *, as_document: bool) -> None:
    if as_document:
        outcomes = [asdict(outcome) for outcome in workshop.outcomes]
        warnings = workshop.warnings
        click.echo(
            as_json({"images": outcomes, "warnings": warnings, "record": asdict(workshop.record)})
        )
    else:
        present.print_table(present.images_table(workshop.outcomes), sys.stdout)
        click.echo(f"recorded in {root / record.FILE_NAME}")
    for outcome in workshop.outcomes:
        if outcome.log_tail and outcome.failed:
            Failure(outcome.remark, part=outcome.part, log_tail=outcome.log_tail).show()
    for warning in workshop.warnings:
        click.secho(f"WARNING: {warning}", fg="red", bold=True, err=True)
