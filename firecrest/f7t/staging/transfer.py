"""What the cluster runs, as the user, to move bytes from and to the staging area. Pure.

The presigned URL goes to curl's standard input (`--config -`): argument lists are readable for
every user of a machine, and the URL opens the object to whoever holds it. curl is told to read no
`~/.curlrc` and to give up when nothing moves for a minute. Bytes stream through curl; memory stays
flat on every side.
"""

from __future__ import annotations

from dataclasses import dataclass

from f7t.staging.names import task_prefix

# -q must be the first option. --globoff: brackets in file names are no patterns.
_CURL = (
    "curl -q --globoff --fail --silent --show-error "
    "--connect-timeout 10 --speed-limit 1 --speed-time 60"
)

# A constant: all data arrives as positional parameters. The object comes beside its target and is
# renamed, so the target is whole or untouched. The process id keeps the attempt of a worker that
# died apart from the next one, which removes what it left; the name holds no part of the target's
# name, which may use up all of NAME_MAX. A symbolic link as target is written through, as curl and
# cp would. `exit` without argument passes curl's status on.
_PULL = f"""
target=$1
if [ -L "$target" ]; then
  target=$(readlink -f -- "$1" && printf x) || exit
  target=${{target%?x}}
fi
if [ -d "$target" ]; then
  echo "target is a directory" >&2
  exit 21
fi
parts=${{target%/*}}/.f7t-$2
part=$parts.$$.part
trap 'rm -f -- "$part"' EXIT
trap 'exit 129' HUP INT TERM
rm -f -- "$parts".*.part
{_CURL} --output "$part" --config - || exit
mv -fT -- "$part" "$target"
"""


@dataclass(frozen=True)
class Transfer:
    """A command for the cluster: argument list, and what goes to its standard input."""

    argv: tuple[str, ...]
    stdin: bytes


def pull_argv(url: str, target: str, task_id: str) -> Transfer:
    """Fetch `url` to the absolute path `target`, whole or not at all; overwrites.

    The exit status is curl's (22: refused, 23: cannot write, 18 and 28: broken off), that of `mv`,
    or 21 when the target is a directory; nothing is left behind on failure. File mode by umask.

    Raises:
        ValueError: `target` is not absolute, or `task_id` is no task id.
    """
    task_prefix(task_id)
    _check_absolute(target)
    return Transfer(("sh", "-c", _PULL, "f7t", target, task_id), _curl_config(url))


def push_argv(url: str, source: str) -> Transfer:
    """Send the regular file at the absolute path `source` to the presigned PUT `url`.

    One PUT carries at most 5 GiB (a limit of S3, the same for POST); the caller refuses larger
    files. The object appears when it is complete. The exit status is curl's (22: refused by the
    store, 26: cannot read).

    Raises:
        ValueError: `source` is not absolute.
    """
    _check_absolute(source)
    argv = (*_CURL.split(), "--upload-file", source, "--config", "-")
    return Transfer(argv, _curl_config(url))


def _check_absolute(path: str) -> None:
    if not path.startswith("/") or path.endswith("/") or "\0" in path:
        raise ValueError("a transfer needs the absolute path of a file")


def _curl_config(url: str) -> bytes:
    if not url.isascii() or not url.isprintable():
        raise ValueError("a presigned URL is percent-encoded")
    escaped = url.replace("\\", "\\\\").replace('"', '\\"')
    return f'url = "{escaped}"\n'.encode()
