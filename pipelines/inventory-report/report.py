"""Write a Markdown report about a commit's files, or check that one is there and says the same.

The commit comes as the tar file of `git archive`. The totals that other steps counted are compared
with what is in it: a report about another commit is refused.
"""

from __future__ import annotations

import argparse
import os
import sys
import tarfile
from typing import NamedTuple

MARK = "# What is in this repository"


class Refused(Exception):
    """The report cannot be written, or is not what it should be."""


class File(NamedTuple):
    """One file of the commit."""

    name: str
    kind: str
    lines: int
    size: int


def load(path: str) -> tuple[str, list[File]]:
    """Return the commit's id and its files."""
    found: list[File] = []
    with tarfile.open(path, "r:") as tree:
        for member in tree:
            content = tree.extractfile(member) if member.isfile() else None
            if content is None:
                continue
            data = content.read()
            ending = os.path.splitext(member.name)[1].lower()
            lines = 0 if b"\0" in data[:8000] else data.count(b"\n")
            found.append(File(member.name, ending or "(none)", lines, len(data)))
        return tree.pax_headers.get("comment", ""), found


def cell(text: str) -> str:
    """Return text as a code span that cannot leave its table cell."""
    return "`" + "".join(c if c.isprintable() and c not in "`|\\" else "?" for c in text) + "`"


def render(args: argparse.Namespace) -> tuple[str, int]:
    """Return the report, and how many types of files it lists."""
    commit, files = load(args.tree)
    total = sum(file.lines for file in files)
    if (commit, len(files), total) != (args.commit, args.files, args.lines):
        raise Refused(
            f"commit {commit} has {len(files)} files and {total} lines, but {args.files} and {args.lines} "
            f"were counted at {args.commit}"
        )
    kinds: dict[str, list[File]] = {}
    for file in files:
        kinds.setdefault(file.kind, []).append(file)
    lines = [MARK, "", f"Commit `{commit}`: {len(files)} files, {total} lines, {sum(f.size for f in files)} bytes.", ""]
    lines += ["| type | files | lines | bytes |", "|---|---:|---:|---:|"]
    for kind, members in sorted(kinds.items(), key=lambda item: (-sum(f.lines for f in item[1]), item[0])):
        lines.append(
            f"| {cell(kind)} | {len(members)} | {sum(f.lines for f in members)} | {sum(f.size for f in members)} |"
        )
    lines += ["", "## Largest files", "", "| file | bytes |", "|---|---:|"]
    for file in sorted(files, key=lambda file: (-file.size, file.name))[:10]:
        lines.append(f"| {cell(file.name)} | {file.size} |")
    lines += ["", "## Papers", "", f"- readme: `{args.readme}`", f"- licence: `{args.licence}`", ""]
    return "\n".join(lines), len(kinds)


def main() -> int:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("mode", choices=("write", "check"))
    for name in ("file", "commit", "readme", "licence", "tree"):
        parser.add_argument(f"--{name}", required=True)
    for name in ("files", "lines"):
        parser.add_argument(f"--{name}", type=int, required=True)
    args = parser.parse_args()
    try:
        text, kinds = render(args)
        if os.path.islink(args.file):
            raise Refused(f"{args.file} is a symbolic link")
        if args.mode == "write":
            if os.path.exists(args.file) and os.path.getsize(args.file) > 0:
                with open(args.file, encoding="utf-8", errors="replace") as file:
                    if not file.read(len(MARK)) == MARK:
                        raise Refused(f"{args.file} is there and is not an older report")
            with open(args.file, "w", encoding="utf-8", newline="") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
        else:
            with open(args.file, encoding="utf-8", newline="") as file:
                if file.read() != text:
                    raise Refused(f"{args.file} does not say what the commit holds")
        print(f"types={kinds}")
    except (Refused, OSError, UnicodeDecodeError, tarfile.TarError) as error:
        print(f"report: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
