"""What `f7t images` made, kept in the state root: the Docker runtime takes its defaults from it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from f7t_testbuild.images.catalogue import FALLBACK_RELEASE, PREFERRED_RELEASE
from f7t_testbuild.model import Identity, Store
from f7t_testbuild.remembered import BadRecord

FILE_NAME = "images.json"


@dataclass(frozen=True)
class Noted:
    """An image as it was when it was built or pulled: its id (`sha256:…`) and size in bytes."""

    id: str
    size: int


@dataclass(frozen=True)
class Record:
    """What is there.

    Attributes:
        made_at: time of the last run, ISO 8601 in UTC; empty if there was none.
        slurm: releases of which a cluster image was built, oldest first.
        identity: what the last run got to issue tokens.
        store: what the last run got to hold the staging area.
        images: every image that was built or used, by name.
        digests: `name@sha256:…` of every image that was pulled, by the name it was pulled by.
    """

    made_at: str = ""
    slurm: tuple[str, ...] = ()
    identity: Identity = Identity.EMBEDDED
    store: Store = Store.EMBEDDED
    images: dict[str, Noted] = field(default_factory=dict)
    digests: dict[str, str] = field(default_factory=dict)

    @property
    def default_release(self) -> str | None:
        """The release of Slurm to start when none was asked for, None if none was built."""
        for release in (PREFERRED_RELEASE, FALLBACK_RELEASE):
            if release in self.slurm:
                return release
        return self.slurm[-1] if self.slurm else None


def load(state_root: Path) -> Record | None:
    """The record below `state_root`, None if no images were made yet.

    Raises:
        BadRecord: the file is damaged.
    """
    path = state_root / FILE_NAME
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
        return Record(
            made_at=str(values["made_at"]),
            slurm=tuple(str(release) for release in values["slurm"]),
            identity=Identity(values["identity"]),
            store=Store(values["store"]),
            images={
                str(tag): Noted(str(note["id"]), int(note["size"]))
                for tag, note in values["images"].items()
            },
            digests={str(tag): str(digest) for tag, digest in values["digests"].items()},
        )
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise BadRecord(
            f"{path} is damaged ({error}); remove it and make the images again"
        ) from error


def save(state_root: Path, record: Record) -> None:
    """Keep the record below `state_root` (made here, mode 0700, if absent)."""
    state_root.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = state_root / FILE_NAME
    fresh = path.with_suffix(".new")
    fresh.write_text(json.dumps(asdict(record), indent=2) + "\n", encoding="utf-8")
    fresh.replace(path)


def with_pulled(record: Record, tag: str, digests: Sequence[str]) -> tuple[Record, str | None]:
    """The record after `tag` was pulled and found to have `digests`, and a warning if it changed.

    The new digest replaces the old one: the warning comes once.
    """
    if not digests:
        return record, None
    before = record.digests.get(tag)
    digest = before if before in digests else digests[0]
    assert digest is not None
    updated = replace(record, digests={**record.digests, tag: digest})
    if before is None or before == digest:
        return updated, None
    return updated, (
        f"{tag} IS NOT THE IMAGE IT WAS: it was {before}, now it is {digest}. Somebody published "
        "another image under the same tag; find out why before you use it"
    )
