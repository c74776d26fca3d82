"""The table of images: complete, consistent with the Dockerfiles, and open to other names."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

from f7t_testbuild.images import catalogue
from f7t_testbuild.images.bases import BASES
from f7t_testbuild.images.catalogue import SLURM_BASES, SOURCES_LABEL, Image
from f7t_testbuild.model import Identity, Store

ROOT = Path(__file__).resolve().parents[3]
ALL = [
    *map(catalogue.cluster, SLURM_BASES),
    catalogue.FIRECREST,
    catalogue.CONFORMANCE,
    catalogue.TASKPERSISTENCE,
    catalogue.keycloak({}),
    catalogue.KEYCLOAK_FROM_MAVEN,
    catalogue.MINIO_FROM_SOURCE,
]


def test_names_are_different() -> None:
    assert len({image.tag for image in ALL}) == len(ALL)


@pytest.mark.parametrize("image", ALL, ids=lambda image: image.tag)
def test_the_dockerfile_takes_the_arguments_it_is_given(image: Image) -> None:
    path = ROOT / image.dockerfile
    if not path.exists():
        pytest.skip(f"{image.dockerfile} is not in this checkout")
    known = set(re.findall(r"^ARG (\w+)", path.read_text(), flags=re.MULTILINE))
    assert {*image.arguments, *image.passed_on} <= known


@pytest.mark.parametrize("image", ALL, ids=lambda image: image.tag)
def test_every_base_is_an_argument(image: Image) -> None:
    assert set(image.bases) <= set(image.arguments.values())


def test_every_release_stands_on_a_base_that_can_be_made() -> None:
    assert set(SLURM_BASES.values()) <= set(BASES)
    assert {catalogue.PREFERRED_RELEASE, catalogue.FALLBACK_RELEASE} <= set(SLURM_BASES)
    with pytest.raises(KeyError):
        catalogue.cluster("23.02")


def test_the_command_names_file_name_arguments_and_context() -> None:
    image = catalogue.cluster("19.05")

    assert image.build_command(ROOT, {}) == [
        *("docker", "build", "-f", f"{ROOT}/cluster/Dockerfile"),
        *("-t", "firecrest-testbuild/cluster:19.05"),
        *("--build-arg", "BASE=ubuntu:20.04", "--build-arg", "PYTHON_BASE=debian:bookworm-slim"),
        *("--label", f"{SOURCES_LABEL}={image.sources_digest(ROOT)}"),
        str(ROOT),
    ]


def test_the_label_of_an_image_follows_its_sources(tmp_path: Path) -> None:
    image = Image("x:y", "Dockerfile", {"BASE": "b"}, ("b",), ("folder", "file"))
    (tmp_path / "folder" / "__pycache__").mkdir(parents=True)
    for name in ("Dockerfile", "file", "folder/one", "other"):
        (tmp_path / name).write_text(name)
    first = image.sources_digest(tmp_path)

    (tmp_path / "other").write_text("changed")
    (tmp_path / "folder" / "__pycache__" / "one.pyc").write_text("compiled")
    assert image.sources_digest(tmp_path) == first

    (tmp_path / "folder" / "one").write_text("changed")
    second = image.sources_digest(tmp_path)
    (tmp_path / "folder" / "one").rename(tmp_path / "folder" / "two")
    third = image.sources_digest(tmp_path)
    assert len({first, second, third, replace(image, arguments={}).sources_digest(tmp_path)}) == 4


def test_another_module_proxy_is_passed_on_by_name_only() -> None:
    without = catalogue.MINIO_FROM_SOURCE.build_command(ROOT, {})
    given = catalogue.MINIO_FROM_SOURCE.build_command(ROOT, {"GOPROXY": "http://user:pw@x"})

    assert "GOPROXY" not in without
    assert given[given.index("GOPROXY") - 1] == "--build-arg"
    assert not [word for word in given if "pw" in word]


def test_official_images_can_be_named_by_digest() -> None:
    named = {"KEYCLOAK_IMAGE": "k:1@sha256:ab", "MINIO_IMAGE": "m:1@sha256:cd"}

    assert catalogue.keycloak(named).bases == ("k:1@sha256:ab",)
    assert catalogue.store_image(Store.MINIO, named) == "m:1@sha256:cd"
    assert catalogue.store_image(Store.MINIO, {}).startswith("minio/minio:RELEASE.")
    assert ":latest" not in catalogue.official_keycloak({}) + catalogue.official_minio({})


def test_every_kind_has_an_image() -> None:
    tags = {image.tag for image in ALL} | {catalogue.official_minio({})}
    assert {catalogue.identity_image(kind, {}) for kind in Identity} <= tags
    assert {catalogue.store_image(kind, {}) for kind in Store} <= tags
