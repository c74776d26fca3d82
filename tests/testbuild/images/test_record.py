"""What was made is kept, and an official image that changed under its tag is told."""

from __future__ import annotations

from pathlib import Path

import pytest

from f7t_testbuild.images import record
from f7t_testbuild.images.record import Noted, Record, with_pulled
from f7t_testbuild.model import Identity, Store
from f7t_testbuild.remembered import BadRecord

FULL = Record(
    made_at="2026-01-02T03:04:05+00:00",
    slurm=("20.11", "22.05"),
    identity=Identity.KEYCLOAK_FROM_MAVEN,
    store=Store.MINIO,
    images={"debian:bookworm-slim": Noted("sha256:ab", 74)},
    digests={"minio/minio:R": "minio/minio@sha256:cd"},
)


def test_what_is_saved_is_loaded(tmp_path: Path) -> None:
    root = tmp_path / "state"
    assert record.load(root) is None

    record.save(root, FULL)

    assert record.load(root) == FULL
    assert root.stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("{", ""),
        ('"keycloak-from-maven"', '"kerberos"'),
        ('"size": 74', '"size": "much"'),
        ('"slurm"', '"scheduler"'),
    ],
)
def test_a_damaged_record_is_told_with_its_path(tmp_path: Path, before: str, after: str) -> None:
    record.save(tmp_path, FULL)
    path = tmp_path / record.FILE_NAME
    path.write_text(path.read_text().replace(before, after, 1))

    with pytest.raises(BadRecord, match=str(path)):
        record.load(tmp_path)


@pytest.mark.parametrize(
    ("built", "chosen"),
    [
        ((), None),
        (("20.11",), "20.11"),
        (("20.11", "24.11"), "24.11"),
        (("20.11", "22.05", "24.11"), "22.05"),
        (("19.05", "22.05"), "19.05"),
    ],
)
def test_the_release_to_start(built: tuple[str, ...], chosen: str | None) -> None:
    assert Record(slurm=built).default_release == chosen


def test_the_same_image_pulled_again_is_no_news() -> None:
    first, warning = with_pulled(Record(), "a:1", ["a@sha256:1"])
    assert warning is None

    again, warning = with_pulled(first, "a:1", ["mirror.example/a@sha256:9", "a@sha256:1"])

    assert warning is None
    assert again.digests == {"a:1": "a@sha256:1"}


def test_another_image_under_the_same_tag_is_told_once() -> None:
    first, _ = with_pulled(Record(), "a:1", ["a@sha256:1"])

    changed, warning = with_pulled(first, "a:1", ["a@sha256:2"])
    _, later = with_pulled(changed, "a:1", ["a@sha256:2"])

    assert warning is not None
    assert "a@sha256:1" in warning
    assert "a@sha256:2" in warning
    assert later is None


def test_an_image_without_digests_changes_nothing() -> None:
    assert with_pulled(FULL, "local:1", []) == (FULL, None)
