"""The benchmark's own site and realm: the usual ones, and users who can log in at both."""

from __future__ import annotations

from pathlib import Path

import pytest

from f7t_testbuild.cluster.site import load_site
from f7t_testbuild.credentials import read_realm, user_of
from f7t_testbuild.distribution import data_path
from tests.bench.population import names, write_data


def test_generated_data_comes_before_the_usual_and_leaves_the_rest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usual, daemons = load_site(), data_path("cluster/daemons.yaml")
    write_data(tmp_path, 30)
    monkeypatch.setenv("F7T_DATA", str(tmp_path))
    site, realm = load_site(), read_realm(data_path("keycloak/realm.json"))
    assert data_path("cluster/daemons.yaml") == daemons
    added = {user.name for user in site.users} - {user.name for user in usual.users}
    assert added == set(names(30)) <= set(realm.users)
    assert len({user.uid for user in site.users}) == len(site.users)
    assert site.partitions == usual.partitions
    assert user_of("bench029").password == "bench029-password"
