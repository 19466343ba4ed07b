"""Replace what a regular expression matches in many files, or check such an edit by its report.

`edit` computes every change first and refuses before anything is written when there are too few or
too many matches, a symbolic link on the way, or a file that is not text. Then each file is replaced
by renaming; if one fails, those before it are put back. `check` hashes every changed file again.
"""

from __future__ import annotations

import argparse
import fnmatch
import hashlib
import json
import os
import re
import stat
import sys
import tempfile
from typing import Iterator, NamedTuple

MAX_BYTES = 16 << 20


class Refused(Exception):
    """The edit cannot be done, or the files are not what it left."""


class Change(NamedTuple):
    """One file before and after."""

    path: str
    before: bytes
    after: bytes
    matches: int
    mode: int


def digest(data: bytes) -> str:
    """Return the SHA-256 of some bytes."""
    return "sha256:" + hashlib.sha256(data).hexdigest()


def glob_to_regex(glob: str) -> re.Pattern[str]:
    """Return a regular expression for a glob in which `**` crosses folders and `*` does not."""
    out, at = "", 0
    while at < len(glob):
        if glob.startswith("**/", at):
            out, at = out + "(?:[^/]+/)*", at + 3
        elif glob.startswith("**", at):
            out, at = out + ".*", at + 2
        elif glob[at] == "*":
            out, at = out + "[^/]*", at + 1
        elif glob[at] == "?":
            out, at = out + "[^/]", at + 1
        elif glob[at] == "[":
            end = glob.find("]", at + 2)
            if end < 0 or "/" in glob[at:end]:
                raise Refused(f"`{glob}` has a set of characters without an end")
            out, at = out + fnmatch.translate(glob[at : end + 1])[4:-3], end + 1
        else:
            out, at = out + re.escape(glob[at]), at + 1
    return re.compile(out)


def read_regular(path: str) -> tuple[bytes, int]:
    """Return a regular file's bytes and mode; links, devices and huge files are refused."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(descriptor, "rb") as file:
        status = os.fstat(file.fileno())
        if not stat.S_ISREG(status.st_mode):
            raise Refused(f"{path} is not a regular file")
        if status.st_nlink > 1:
            raise Refused(f"{path} has {status.st_nlink} names; a replacement would part them")
        data = file.read(MAX_BYTES + 1)
        if len(data) > MAX_BYTES:
            raise Refused(f"{path} is larger than {MAX_BYTES} bytes")
        return data, stat.S_IMODE(status.st_mode)


def walk(folder: str, include: str, exclude: str) -> Iterator[str]:
    """Yield the files that the globs name, sorted; a symbolic link among them is refused, one beside is passed by."""
    wanted, unwanted = glob_to_regex(include), glob_to_regex(exclude)

    def fail(error: OSError) -> None:
        raise error

    if os.path.islink(folder) or not os.path.isdir(folder):
        raise Refused(f"{folder} is not a folder")
    for base, folders, files in os.walk(folder, followlinks=False, onerror=fail):
        folders[:] = sorted(name for name in folders if name != ".git")
        for name in sorted(files + [name for name in folders if os.path.islink(os.path.join(base, name))]):
            path = os.path.join(base, name)
            below = os.path.relpath(path, folder)
            if wanted.fullmatch(below) and not unwanted.fullmatch(below):
                if os.path.islink(path):
                    raise Refused(f"{path} is a symbolic link; exclude it")
                yield path


def compute(args: argparse.Namespace) -> list[Change]:
    """Return the changes, all of them, before anything is written."""
    try:
        pattern = re.compile(args.pattern, re.MULTILINE)
    except re.error as error:
        raise Refused(f"`{args.pattern}` is not a regular expression: {error}") from None
    changes: list[Change] = []
    seen = 0
    for path in walk(args.folder, args.include, args.exclude):
        seen += 1
        before, mode = read_regular(path)
        try:
            text = before.decode("utf-8")
        except UnicodeDecodeError:
            raise Refused(f"{path} is not UTF-8 text; exclude it") from None
        try:
            after, matches = pattern.subn(args.replacement, text)
        except (re.error, IndexError) as error:
            raise Refused(f"`{args.replacement}` does not fit the expression: {error}") from None
        if matches:
            changes.append(Change(path, before, after.encode("utf-8"), matches, mode))
    total = sum(change.matches for change in changes)
    if seen == 0:
        raise Refused(f"`{args.include}` names no file below {args.folder}")
    if not args.min <= total <= args.max:
        raise Refused(
            f"{total} matches in {len(changes)} of {seen} files, expected {args.min} to {args.max}; nothing was changed"
        )
    if all(change.before == change.after for change in changes):
        raise Refused("the replacement changes nothing")
    return [change for change in changes if change.before != change.after]


def replace(path: str, data: bytes, mode: int) -> None:
    """Replace a file in one step, so that no reader ever sees half of it."""
    descriptor, fresh = tempfile.mkstemp(dir=os.path.dirname(path), prefix=".bulk-edit-")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            os.fchmod(file.fileno(), mode)
            file.flush()
            os.fsync(file.fileno())
        os.replace(fresh, path)
    except BaseException:
        os.unlink(fresh)
        raise


def edit(args: argparse.Namespace) -> None:
    """Do the edit, write the report and print what changed."""
    if os.path.islink(args.report) or (os.path.exists(args.report) and os.path.getsize(args.report) > 0):
        raise Refused(f"the report {args.report} is there already; name another file, or remove it")
    changes = compute(args)
    done: list[Change] = []
    try:
        for change in changes:
            if read_regular(change.path)[0] != change.before:
                raise Refused(f"{change.path} changed while it was edited; everything was put back")
            replace(change.path, change.after, change.mode)
            done.append(change)
        rows = [
            {"path": c.path, "matches": c.matches, "before": digest(c.before), "after": digest(c.after)}
            for c in changes
        ]
        with open(args.report, "w", encoding="utf-8") as file:
            json.dump({"files": rows}, file, indent=1)
            file.write("\n")
            file.flush()
            os.fsync(file.fileno())
    except BaseException:
        for change in done:
            replace(change.path, change.before, change.mode)
        raise
    for row in rows:
        print(f"changed: {row['path']} {row['before']} -> {row['after']} ({row['matches']})")
    print(f"files={len(changes)}")
    print(f"matches={sum(change.matches for change in changes)}")


def check(args: argparse.Namespace) -> None:
    """Refuse unless every file in the report is what the edit left."""
    with open(args.report, encoding="utf-8") as file:
        rows = json.load(file)["files"]
    if not rows:
        raise Refused("the report names no file")
    for row in rows:
        if not row["path"].startswith(args.folder.rstrip("/") + "/"):
            raise Refused(f"the report names {row['path']}, which is not below {args.folder}")
        found = digest(read_regular(row["path"])[0])
        if found != row["after"]:
            raise Refused(f"{row['path']} has the digest {found}, the edit left {row['after']}")
    print(f"checked={len(rows)}")


def main() -> int:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("mode", choices=("edit", "check"))
    parser.add_argument("--folder", required=True)
    parser.add_argument("--report", required=True)
    for name in ("include", "exclude", "pattern", "replacement"):
        parser.add_argument(f"--{name}")
    parser.add_argument("--min", type=int, default=1)
    parser.add_argument("--max", type=int)
    args = parser.parse_args()
    try:
        if args.mode == "check":
            check(args)
        elif None in (args.include, args.exclude, args.pattern, args.replacement, args.max):
            raise Refused("`edit` needs --include, --exclude, --pattern, --replacement and --max")
        else:
            edit(args)
    except (Refused, OSError, ValueError, KeyError, TypeError) as error:
        print(f"edit: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
