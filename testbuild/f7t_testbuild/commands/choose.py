"""What `f7t up` starts: from its options, what was kept, what the machine has, in this order."""

from __future__ import annotations

from dataclasses import dataclass, replace

import click

from f7t_testbuild.cluster.site import load_site
from f7t_testbuild.commands.common import Failure, Selection
from f7t_testbuild.images import engine, record
from f7t_testbuild.images.catalogue import PREFERRED_RELEASE
from f7t_testbuild.invocation import command_line
from f7t_testbuild.model import CLIENT_ID, Identity, Store
from f7t_testbuild.progress import Progress
from f7t_testbuild.remembered import BadRecord, Choices
from f7t_testbuild.runtime import RuntimeName

AUTO = "auto"
PROOF_USER = f"service-account-{CLIENT_ID}"
GATEWAYS_IN_CONTAINERS = 2
"""As docker-compose.yml describes them, in the profile `scale`."""
NOBODY = "none"
"""Said to `--deny`: whoever was denied is let in again."""

runtime_option = click.option(
    "--runtime",
    envvar="F7T_RUNTIME",
    type=click.Choice([AUTO, *(name.value for name in RuntimeName)]),
    default=AUTO,
    help="Containers or processes of this machine  [default: docker if an engine answers]",
)


def check_denied(
    _context: click.Context, _parameter: click.Parameter, value: tuple[str, ...]
) -> tuple[str, ...]:
    """Users of the site other than the one as whom every start is proved."""
    users = [user.name for user in load_site().users if user.name != PROOF_USER]
    for name in value:
        if name not in (*users, NOBODY):
            raise click.BadParameter(f"{name!r} is not one of {', '.join(users)} or {NOBODY}")
    return value


@dataclass(frozen=True)
class Options:
    """What was asked for; None where nothing was said."""

    port_base: int | None = None
    nodes: int | None = None
    workers: int | None = None
    way: str | None = None
    runtime: str = AUTO
    slurm: str | None = None
    identity: str | None = None
    store: str | None = None
    deny: tuple[str, ...] = ()
    gateways: int | None = None

    @property
    def leave_the_runtime_open(self) -> bool:
        """Whether nothing was asked for that only one runtime has."""
        return self.runtime == AUTO and not (self.slurm or self.identity or self.store or self.way)


def choose(kept: Selection, options: Options, progress: Progress) -> Choices:
    """The numbers and kinds to start with.

    Raises:
        Failure: what was asked for contradicts itself, or the state that is there.
    """
    runtime = _runtime(kept, options, progress)
    before = kept.choices if kept.known else None
    numbers = Choices(
        port_base=options.port_base or kept.choices.port_base,
        nodes=options.nodes or kept.choices.nodes,
        workers=options.workers or kept.choices.workers,
        gateways=options.gateways or kept.choices.gateways,
        way=options.way or kept.choices.way,
        runtime=runtime.value,
        deny=_denied(kept, options),
    )
    if runtime is RuntimeName.NATIVE:
        return _native(numbers, before, options)
    if options.way is not None:
        raise Failure(
            "--way is about the native runtime; in containers there is one way only",
            hint="leave it out, or add --runtime native",
        )
    return _docker(numbers, before, options, kept)


def _denied(kept: Selection, options: Options) -> tuple[str, ...]:
    """Who is denied: sorted, so that the same wish in another order is the same wish."""
    if NOBODY in options.deny and len(set(options.deny)) > 1:
        raise Failure(f"--deny {NOBODY} and --deny of users contradict each other")
    wanted = options.deny or kept.choices.deny
    return tuple(sorted(set(wanted) - {NOBODY}))


def _runtime(kept: Selection, options: Options, progress: Progress) -> RuntimeName:
    if options.runtime == AUTO:
        return RuntimeName(kept.choices.runtime) if kept.known else automatic(progress)
    wanted = RuntimeName(options.runtime)
    if kept.known and wanted.value != kept.choices.runtime:
        raise Failure(
            f"testbuild {kept.testbuild.name!r} has state of the {kept.choices.runtime} runtime",
            hint=f"remove that ({kept.command('down --purge')}), or give the new one a name: "
            f"{command_line(f'up --runtime {wanted} --name NAME --port-base N')}",
        )
    return wanted


def automatic(progress: Progress) -> RuntimeName:
    """Docker where an engine and Compose answer and the images can be built, else native."""
    from f7t_testbuild.docker.project import ComposeAbsent, compose_command, is_checkout

    if not is_checkout():
        progress("runtime native: images are built from a checkout, and this is a package")
        return RuntimeName.NATIVE
    try:
        version = engine.require_engine()
        compose_command()
    except (engine.EngineAbsent, ComposeAbsent) as absence:
        progress(f"runtime native: no Docker engine with Compose 2 ({absence})")
        return RuntimeName.NATIVE
    progress(f"runtime docker: engine {version} answers (--runtime native for the other one)")
    return RuntimeName.DOCKER


def _native(numbers: Choices, before: Choices | None, options: Options) -> Choices:
    if options.slurm is not None:
        raise Failure(
            "--slurm is about the Docker runtime; natively it is this machine's own Slurm",
            hint="leave it out, or add --runtime docker",
        )
    identity = options.identity or (before.identity if before else Identity.EMBEDDED)
    store = options.store or (before.store if before else Store.EMBEDDED)
    # Natively there is one real kind of each, however it is called.
    if identity == Identity.KEYCLOAK:
        identity = Identity.KEYCLOAK_FROM_MAVEN
    if store == Store.MINIO:
        store = Store.MINIO_FROM_SOURCE
    return replace(numbers, identity=Identity(identity).value, store=Store(store).value)


def _docker(numbers: Choices, before: Choices | None, options: Options, kept: Selection) -> Choices:
    if numbers.gateways > GATEWAYS_IN_CONTAINERS:
        raise Failure(
            f"in containers there are at most {GATEWAYS_IN_CONTAINERS} gateways",
            hint=f"--gateways {GATEWAYS_IN_CONTAINERS}, or more of them with --runtime native",
        )
    try:
        made = record.load(kept.testbuild.state_root)
    except BadRecord as error:
        raise Failure(str(error)) from error
    if before is not None:
        slurm, identity, store = before.slurm, before.identity, before.store
    elif made is not None and made.made_at:
        slurm, identity, store = made.default_release, made.identity.value, made.store.value
    else:
        slurm, identity, store = None, Identity.KEYCLOAK.value, Store.MINIO.value
    return replace(
        numbers,
        slurm=options.slurm or slurm or PREFERRED_RELEASE,
        identity=options.identity or identity,
        store=options.store or store,
    )
