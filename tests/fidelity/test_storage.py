"""The embedded store answers as MinIO does, but for the accepted differences."""

from __future__ import annotations

import pytest

from tests.fidelity.access_scenes import ADDRESS_SCENES, EXPECT_SCENES, HEADER_SCENES
from tests.fidelity.comparison import Accepted, Comparison, load_accepted
from tests.fidelity.form_scenes import FORM_SCENES
from tests.fidelity.object_scenes import (
    BUCKET_SCENES,
    LIFECYCLE_SCENES,
    LISTING_SCENES,
    OBJECT_SCENES,
    StorageScene,
)
from tests.fidelity.storage import StorageServer
from tests.fidelity.upload_scenes import MULTIPART_SCENES, SUBRESOURCE_SCENES

SCENES = (
    *(*BUCKET_SCENES, *OBJECT_SCENES, *LISTING_SCENES, *LIFECYCLE_SCENES),
    *(*MULTIPART_SCENES, *SUBRESOURCE_SCENES),
    *(*HEADER_SCENES, *ADDRESS_SCENES, *EXPECT_SCENES, *FORM_SCENES),
)


@pytest.mark.parametrize("scene", SCENES, ids=lambda scene: scene.name)
def test_same_answer(storage: Comparison[StorageServer], scene: StorageScene) -> None:
    unlisted = storage.unlisted(scene)
    assert unlisted == [], "\n".join(map(str, unlisted))


@pytest.mark.timeout(600)
@pytest.mark.parametrize("entry", load_accepted("store"), ids=lambda entry: entry.id)
def test_accepted_difference_still_exists(
    storage: Comparison[StorageServer], entry: Accepted
) -> None:
    assert storage.gone(entry, SCENES) == []
