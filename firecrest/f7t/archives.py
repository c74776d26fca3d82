"""Commands that make and unpack archives, as arguments: for a session, or for a line of a job.

The operands are data wherever they begin with a dash or hold a colon or a wildcard. Results are
written under a hidden name beside their target and renamed when complete, so that a command that
fails or is ended leaves no half of a file, and an older file is kept until then.
"""

from __future__ import annotations

import posixpath
from enum import StrEnum

from f7t.errors import UnsupportedFormat


class ArchiveKind(StrEnum):
    """Formats of `extract` (utilities.md U19); the value is the usual suffix.

    `GZIP` and `BZIP2` are one compressed file, or a compressed tar archive: its content tells.
    """

    ZIP = ".zip"
    TAR = ".tar"
    TAR_GZIP = ".tar.gz"
    TAR_BZIP2 = ".tar.bz2"
    GZIP = ".gz"
    BZIP2 = ".bz2"


_AUTO = "auto"
_KINDS = {
    ".zip": ArchiveKind.ZIP,
    ".tar": ArchiveKind.TAR,
    ".tgz": ArchiveKind.TAR_GZIP,
    ".tar.gz": ArchiveKind.TAR_GZIP,
    ".tar.bz2": ArchiveKind.TAR_BZIP2,
    ".gz": ArchiveKind.GZIP,
    ".bz2": ArchiveKind.BZIP2,
}
_TAR_FILTERS = {
    ArchiveKind.TAR: (),
    ArchiveKind.TAR_GZIP: ("--gzip",),
    ArchiveKind.TAR_BZIP2: ("--bzip2",),
}
_DECOMPRESSORS = {ArchiveKind.GZIP: "gzip", ArchiveKind.BZIP2: "bzip2"}

# Argument: directory of the result. The part is written in the background, where a signal finds
# the shell waiting; one that reaches a child before it has become its tool is lost there.
_PART = r"""
f7t_part=$(mktemp -u -- "$1/.f7t-XXXXXXXXXXXX") || exit
trap 'kill -KILL $! 2>/dev/null; wait; rm -f -- "$f7t_part"; exit 143' HUP INT TERM
set -C
"""
_WHOLE = r"""
wait $!
f7t_status=$?
trap '' HUP INT TERM
if [ "$f7t_status" -eq 0 ]; then
  mv -f -T -- "$f7t_part" "$f7t_target"
  f7t_status=$?
fi
rm -f -- "$f7t_part"
exit "$f7t_status"
"""

# Arguments: directory of the archive, the archive, then operands of tar. The part may be inside of
# what is archived.
_COMPRESS = (
    _PART
    + r"""
f7t_target=$2
shift 2
tar --create --gzip --file=- --no-wildcards --no-anchored "--exclude=${f7t_part##*/}" "$@" \
  > "$f7t_part" &
"""
    + _WHOLE
)

# Arguments: directory, decompressor, source, name of the result if it is one file. All tar formats
# of today have their mark at byte 257.
_DECOMPRESS = (
    r"""
f7t_mark=$("$2" -d -c < "$3" 2>/dev/null | head -c 262 | tail -c 5 | tr '\0' ' ')
if [ "$f7t_mark" = ustar ]; then
  exec tar --extract "--$2" --file=- --directory="$1" < "$3"
fi
"""
    + _PART
    + r"""
f7t_target=$1/$4
"$2" -d -c < "$3" > "$f7t_part" &
"""
    + _WHOLE
)


def kind_of(extension: str | None, source: str) -> ArchiveKind:
    """The format that a client names, or that of the file's suffix.

    Args:
        extension: a suffix of the contract in any case, with or without its dot; `auto`, empty and
            None look at `source`.
        source: path of the archive.

    Raises:
        UnsupportedFormat: neither says one of the formats; its message is the contract's.
    """
    wanted = (extension or _AUTO).lower()
    if wanted == _AUTO:
        matching = [suffix for suffix in _KINDS if source.lower().endswith(suffix)]
        wanted = max(matching, key=len, default="")
    kind = _KINDS.get("." + wanted.removeprefix("."))
    if kind is None:
        raise UnsupportedFormat(f"Unsupported file format in {source}.", path=source)
    return kind


def compress_argv(source: str, target: str, *, dereference: bool = False) -> list[str]:
    """A command that makes the gzip-compressed tar archive `target` of `source`.

    The archive holds the last component of `source`; an older `target` inside of it is left out.

    Args:
        source: what to archive.
        target: path of the archive; replaced if it is there.
        dereference: archive what symbolic links point to.
    """
    parent, name = _parent_and_name(source)
    options = ["--dereference"] if dereference else []
    inside = _relative(target, source)
    if inside is not None:
        options += ["--anchored", f"--exclude={posixpath.join(name, inside)}"]
    operands = [f"--directory={parent}", "--", name]
    directory = posixpath.dirname(target.rstrip("/")) or "."
    return ["sh", "-c", _COMPRESS, "sh", directory, target, *options, *operands]


def extract_argv(source: str, target: str, kind: ArchiveKind) -> list[str]:
    """A command that unpacks the archive `source` into the existing directory `target`.

    Existing files are replaced. Members whose names lead out of `target` are left out (tar, which
    then fails) or put inside of it (zip, which then fails, and absolute names in tar).
    """
    if kind in _DECOMPRESSORS:
        name = posixpath.basename(source.rstrip("/"))
        decompressor = _DECOMPRESSORS[kind]
        return ["sh", "-c", _DECOMPRESS, "sh", target, decompressor, source, _bare(name, kind)]
    if kind is ArchiveKind.ZIP:
        # Of a path through `.` unzip cannot make a directory that is not there.
        directory = posixpath.join(_no_option(target), ".")
        return ["unzip", "-o", "-q", _no_pattern(_no_option(source)), "-d", directory]
    archive = ["--force-local", f"--file={_no_option(source)}"]
    return ["tar", "--extract", *_TAR_FILTERS[kind], *archive, f"--directory={target}"]


def _parent_and_name(path: str) -> tuple[str, str]:
    """Where tar goes and what it takes there; `.` of a path without a last component."""
    parent, name = posixpath.split(path.rstrip("/"))
    if name in ("", ".", ".."):
        return path, "."
    return parent or ".", name


def _relative(path: str, directory: str) -> str | None:
    """`path` as seen from `directory`, by their texts; None if it is not inside of it."""
    if path.startswith("/") != directory.startswith("/"):
        return None
    relative = posixpath.relpath(path, directory)
    return None if relative.split("/")[0] in (".", "..") else relative


def _bare(name: str, kind: ArchiveKind) -> str:
    """Name of a decompressed file; `.out` is appended where no suffix can go, as bzip2 does."""
    if name.lower().endswith(kind.value) and len(name) > len(kind.value):
        return name[: -len(kind.value)]
    return f"{name}.out"


def _no_option(path: str) -> str:
    return f"./{path}" if path.startswith("-") else path


def _no_pattern(path: str) -> str:
    """For unzip, to which the last component is a pattern if it holds a wildcard."""
    directory, slash, name = path.rpartition("/")
    if not any(character in name for character in "*?["):
        return path
    return directory + slash + "".join(f"[{c}]" if c in "*?[" else c for c in name)
