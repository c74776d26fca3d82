"""The embedded issuer answers as Keycloak does, but for the accepted differences."""

from __future__ import annotations

import pytest

from tests.fidelity.comparison import Accepted, Comparison, load_accepted
from tests.fidelity.grant_scenes import DOCUMENT_SCENES, GRANT_SCENES, IdentityScene
from tests.fidelity.identity import IdentityServer
from tests.fidelity.refusal_scenes import REFUSAL_SCENES

SCENES = (*GRANT_SCENES, *DOCUMENT_SCENES, *REFUSAL_SCENES)


@pytest.mark.parametrize("scene", SCENES, ids=lambda scene: scene.name)
def test_same_answer(identity: Comparison[IdentityServer], scene: IdentityScene) -> None:
    unlisted = identity.unlisted(scene)
    assert unlisted == [], "\n".join(map(str, unlisted))


@pytest.mark.timeout(600)
@pytest.mark.parametrize("entry", load_accepted("identity"), ids=lambda entry: entry.id)
def test_accepted_difference_still_exists(
    identity: Comparison[IdentityServer], entry: Accepted
) -> None:
    assert identity.gone(entry, SCENES) == []
