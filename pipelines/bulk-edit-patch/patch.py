"""Check what a unified patch may do, and record what its application did.

`take` reads the patch once, compares its digest, and refuses anything but changes to existing,
regular text files below one folder; `git apply` then gets the checked copy. `report` and `check`
hash the files afterwards.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import re
import stat
import sys

MAX_BYTES = 16 << 20
HUNK = re.compile(r"@@ -\d+(?:,(\d+))? \+\d+(?:,(\d+))? @@")
FORBIDDEN = (
    "new file mode",
    "deleted file mode",
    "old mode",
    "new mode",
    "rename ",
    "copy ",
    "similarity ",
    "GIT binary patch",
    "Binary files",
)


class Refused(Exception):
    """The patch may not be applied, or the files are not what it left."""


def read_regular(path: str) -> bytes:
    """Return a regular file's bytes; links on the way, devices and huge files are refused."""
    parts = path.split("/")
    for end in range(1, len(parts)):
        if os.path.islink("/".join(parts[:end])):
            raise Refused(f"{'/'.join(parts[:end])} is a symbolic link")
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(descriptor, "rb") as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise Refused(f"{path} is not a regular file")
        data = file.read(MAX_BYTES + 1)
    if len(data) > MAX_BYTES:
        raise Refused(f"{path} is larger than {MAX_BYTES} bytes")
    return data


def digest(data: bytes) -> str:
    """Return the SHA-256 of some bytes."""
    return "sha256:" + hashlib.sha256(data).hexdigest()


def side(line: str, mark: str) -> str:
    """Return the path that a `---` or `+++` line names."""
    name = line[4:].split("\t")[0]
    if not name.startswith(mark + "/") or not re.fullmatch(r"[ !#-\[\]-~]+", name):
        raise Refused(f"`{line[:100]}` does not name a plain path after {mark}/")
    return name[2:]


def paths(text: str, folder: str) -> list[str]:
    """Return the files a patch changes; anything but changes to files below the folder is refused."""
    found: list[str] = []
    lines, at = text.split("\n"), 0
    while at < len(lines):
        line = lines[at]
        at += 1
        if line.startswith(FORBIDDEN):
            raise Refused(f"the patch does more than change text: `{line[:100]}`")
        if not line.startswith("--- "):
            if line.startswith(("+++ ", "@@ ")):
                raise Refused(f"`{line[:100]}` stands where no file was named")
            continue
        if at >= len(lines) or not lines[at].startswith("+++ "):
            raise Refused(f"`{line[:100]}` is not followed by a +++ line")
        old, new = side(line, "a"), side(lines[at], "b")
        at += 1
        if old != new:
            raise Refused(f"the patch renames {old} to {new}")
        parts = new.split("/")
        if any(part in ("", ".", "..") or part.lower() == ".git" for part in parts) or not new.startswith(folder + "/"):
            raise Refused(f"the patch touches {new}, which is not below {folder}")
        if new in found:
            raise Refused(f"the patch names {new} twice")
        found.append(new)
        hunks = 0
        while at < len(lines) and (match := HUNK.match(lines[at])):
            hunks, at = hunks + 1, at + 1
            left = [int(match[1] or 1), int(match[2] or 1)]
            while left != [0, 0] or (at < len(lines) and lines[at].startswith("\\")):
                if at >= len(lines) or min(left) < 0 or lines[at][:1] not in ("", " ", "-", "+", "\\"):
                    raise Refused(f"a hunk of {new} ends early")
                left[0] -= lines[at][:1] in ("", " ", "-")
                left[1] -= lines[at][:1] in ("", " ", "+")
                at += 1
        if hunks == 0:
            raise Refused(f"the patch names {new} and changes nothing in it")
    return found


def take(args: argparse.Namespace) -> None:
    """Check the patch, and keep a copy of it and the digests of the files it will change."""
    if os.path.islink(args.report) or (os.path.exists(args.report) and os.path.getsize(args.report) > 0):
        raise Refused(f"the report {args.report} is there already; name another file, or remove it")
    data = read_regular(args.patch)
    if digest(data) != args.digest:
        raise Refused(f"{args.patch} has the digest {digest(data)}, but {args.digest} was approved")
    try:
        found = paths(data.decode("utf-8"), args.folder)
    except UnicodeDecodeError:
        raise Refused(f"{args.patch} is not UTF-8 text") from None
    if not args.min <= len(found) <= args.max:
        raise Refused(f"the patch changes {len(found)} files, expected {args.min} to {args.max}")
    before = {path: digest(read_regular(path)) for path in found}
    with open(args.copy, "wb") as file:
        file.write(data)
    with open(args.before, "w", encoding="utf-8") as file:
        json.dump(before, file)


def report(args: argparse.Namespace) -> None:
    """Write the report and print what changed."""
    with open(args.before, encoding="utf-8") as file:
        before: dict[str, str] = json.load(file)
    rows = [{"path": path, "before": old, "after": digest(read_regular(path))} for path, old in sorted(before.items())]
    for row in rows:
        if row["before"] == row["after"]:
            raise Refused(f"{row['path']} was not changed")
        print(f"changed: {row['path']} {row['before']} -> {row['after']}")
    with open(args.report, "w", encoding="utf-8") as file:
        json.dump({"files": rows}, file, indent=1)
        file.write("\n")
        file.flush()
        os.fsync(file.fileno())
    print(f"files={len(rows)}")


def check(args: argparse.Namespace) -> None:
    """Refuse unless every file in the report is what the patch left."""
    with open(args.report, encoding="utf-8") as file:
        rows = json.load(file)["files"]
    if not rows:
        raise Refused("the report names no file")
    for row in rows:
        if not row["path"].startswith(args.folder + "/"):
            raise Refused(f"the report names {row['path']}, which is not below {args.folder}")
        found = digest(read_regular(row["path"]))
        if found != row["after"]:
            raise Refused(f"{row['path']} has the digest {found}, the patch left {row['after']}")
    print(f"checked={len(rows)}")


NEEDS = {"take": ("patch", "digest", "copy", "before", "max"), "report": ("before",), "check": ()}


def main() -> int:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("mode", choices=sorted(NEEDS))
    parser.add_argument("--folder", required=True)
    parser.add_argument("--report", required=True)
    for name in ("patch", "digest", "copy", "before"):
        parser.add_argument(f"--{name}")
    parser.add_argument("--min", type=int, default=1)
    parser.add_argument("--max", type=int)
    args = parser.parse_args()
    try:
        for name in NEEDS[args.mode]:
            if getattr(args, name) is None:
                raise Refused(f"`{args.mode}` needs --{name}")
        {"take": take, "report": report, "check": check}[args.mode](args)
    except (Refused, OSError, ValueError, KeyError, TypeError) as error:
        print(f"patch: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
