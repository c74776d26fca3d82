"""Names of buckets and objects: storage.md §1; the naming rules of S3."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from f7t.staging.names import bucket_of, object_key, object_name, task_prefix

_VALID = re.compile(r"[a-z0-9][a-z0-9-]{1,61}[a-z0-9]")


@pytest.mark.parametrize("user", ["test1", "test4", "abc", "service-account-firecrest-sample"])
def test_a_user_name_that_is_a_bucket_name_stays(user: str) -> None:
    assert bucket_of(user) == user


@pytest.mark.parametrize(
    "user", ["ab", "User1", "a_b", "a.b", "127.0.0.1", "-ab", "ab-", "minio", "xn--a", "ünal"]
)
def test_any_other_user_name_is_mapped(user: str) -> None:
    assert bucket_of(user).startswith("f7t-u-")


@given(st.text(st.characters(exclude_categories=()), min_size=1, max_size=80))
def test_every_bucket_is_valid(user: str) -> None:
    assert _VALID.fullmatch(bucket_of(user))


# Names of few letters, and what the mapping itself produces: where collisions would be.
_near = st.text("aAbB-_.", min_size=1, max_size=3) | st.text("aB-", min_size=60, max_size=66)
_users = _near | _near.map(bucket_of)


@given(_users, _users)
def test_two_users_never_share_a_bucket(one: str, other: str) -> None:
    assert (bucket_of(one) == bucket_of(other)) == (one == other)


def test_nobody_has_no_bucket() -> None:
    with pytest.raises(ValueError, match="user"):
        bucket_of("")


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/path/to/file", "file"),
        ("file", "file"),
        ("dir/", "dir"),
        ("./a b'\"\\;,é", "a b'\"\\;,é"),
        ("C:\\data\\f", "C:\\data\\f"),
    ],
)
def test_an_object_is_called_as_the_last_component(path: str, name: str) -> None:
    assert object_name(path) == name
    assert object_key("0af3", name) == f"0af3/{name}"


@pytest.mark.parametrize("path", ["", "/", ".", "..", "a/.."])
def test_a_path_without_a_name_is_refused(path: str) -> None:
    with pytest.raises(ValueError, match="names no file"):
        object_name(path)


@pytest.mark.parametrize("name", ["a/b", "/a", "a/", "x" * 1024])
def test_only_one_component_makes_a_key(name: str) -> None:
    with pytest.raises(ValueError, match="object"):
        object_key("0af3", name)


@pytest.mark.parametrize("task_id", ["", "/", "..", "a/b", "A", "a" * 65, "a\n"])
def test_a_prefix_never_covers_more_than_a_task(task_id: str) -> None:
    with pytest.raises(ValueError, match="task id"):
        task_prefix(task_id)
