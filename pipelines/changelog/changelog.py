"""Write or check one version's section of a changelog made from conventional commits.

`write` reads the output of `git log --format=%H%x00%s%x00%b%x00` and puts a new section above the
newest one, in place. The date is SOURCE_DATE_EPOCH, so the same history gives the same bytes.
`check` reads the file back and refuses unless the section is there exactly once, with entries.
"""

from __future__ import annotations

import argparse
import datetime
import os
import re
import sys
from typing import NamedTuple

HEADER = "# Changelog\n"
SUBJECT = re.compile(r"^(?P<kind>[A-Za-z]+)(\((?P<scope>[^()\n]+)\))?(?P<bang>!)?: +(?P<text>\S.*)$")
FOOTER = re.compile(r"^BREAKING[ -]CHANGE: +(?P<text>\S.*)$", re.MULTILINE)
GROUPS = (("breaking", "Breaking changes"), ("feat", "Features"), ("fix", "Fixes"), ("other", "Other changes"))


class Refused(Exception):
    """The changelog cannot be written or is not what it should be."""


class Entry(NamedTuple):
    """One line of the changelog."""

    group: str
    scope: str
    text: str
    commit: str

    def line(self) -> str:
        """Return the entry as a Markdown list item."""
        scope = f"**{escape(self.scope)}:** " if self.scope else ""
        return f"- {scope}{escape(self.text)} ({self.commit[:12]})"


def escape(text: str) -> str:
    """Make text from a commit harmless in Markdown: no control characters, no markup, no HTML."""
    plain = "".join(c if c.isprintable() else " " for c in text)
    return re.sub(r"([\\`*_\[\]<>#|])", r"\\\1", " ".join(plain.split()))


def parse_log(text: str) -> tuple[list[Entry], int]:
    """Return the entries, oldest last as git gives them, and how many commits were conventional."""
    entries: list[Entry] = []
    conventional = 0
    # No commit message can hold a NUL, so none can pass for two.
    fields = text.split("\0")
    if len(fields) % 3 != 1 or fields[-1].strip():
        raise Refused("the log is not in the form %H%x00%s%x00%b%x00")
    for commit, subject, body in zip(fields[0::3], fields[1::3], fields[2::3]):
        commit = commit.strip()
        if not re.fullmatch(r"[0-9a-f]{40,64}", commit):
            raise Refused(f"the log has `{commit[:60]}` where a commit should be")
        match = SUBJECT.match(subject)
        if match is None:
            entries.append(Entry("other", "", subject or "(no subject)", commit))
            continue
        conventional += 1
        kind, scope, said = match["kind"].lower(), match["scope"] or "", match["text"]
        footer = FOOTER.search(body)
        if match["bang"] or footer:
            entries.append(Entry("breaking", scope, footer["text"] if footer else said, commit))
        if not match["bang"] or footer:
            entries.append(Entry(kind if kind in ("feat", "fix") else "other", scope, said, commit))
    return entries, conventional


def section(version: str, day: str, entries: list[Entry]) -> str:
    """Return the version's section, groups in their fixed order, empty ones left out."""
    lines = [f"## {version} - {day}", ""]
    for group, title in GROUPS:
        chosen = [entry.line() for entry in entries if entry.group == group]
        if chosen:
            lines += [f"### {title}", "", *chosen, ""]
    return "\n".join(lines)


def find_sections(text: str, version: str) -> list[str]:
    """Return the bodies of the sections that bear this version."""
    parts = re.split(r"^(## .*)$", text, flags=re.MULTILINE)
    heads, bodies = parts[1::2], parts[2::2]
    named = re.compile(rf"## \[?v?{re.escape(version)}\]?(\s|$)")
    return [body for head, body in zip(heads, bodies) if named.match(head)]


def build_day() -> str:
    """Return the day of SOURCE_DATE_EPOCH in UTC."""
    text = os.environ.get("SOURCE_DATE_EPOCH", "")
    if not text.isdigit():
        raise Refused("SOURCE_DATE_EPOCH is not set, so the date would not be reproducible")
    return datetime.datetime.fromtimestamp(int(text), datetime.timezone.utc).strftime("%Y-%m-%d")


def read(path: str) -> str:
    """Return a file's text, empty where there is no file; a symbolic link is refused."""
    if os.path.islink(path):
        raise Refused(f"{path} is a symbolic link")
    try:
        with open(path, encoding="utf-8", newline="") as file:
            return file.read()
    except FileNotFoundError:
        return ""
    except UnicodeDecodeError:
        raise Refused(f"{path} is not UTF-8") from None


def write(log: str, version: str, path: str) -> None:
    """Put the section into the file and print what went in."""
    with open(log, encoding="utf-8", errors="replace", newline="") as file:
        entries, conventional = parse_log(file.read())
    if not entries:
        raise Refused("there is no commit in the range, so there is nothing to release")
    if conventional == 0:
        raise Refused(f"none of the {len(entries)} commits is a conventional commit (`feat: ...`, `fix: ...`)")
    old = read(path)
    if find_sections(old, version):
        raise Refused(f"{path} already has a section for {version}")
    new = section(version, build_day(), entries)
    first = re.search(r"^## ", old, re.MULTILINE)
    head = old[: first.start()] if first else (old or HEADER)
    rest = old[first.start() :] if first else ""
    text = head.rstrip("\n") + "\n\n" + new + ("\n" + rest if rest else "")
    with open(path, "w", encoding="utf-8", newline="") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    print(f"entries={len(entries)}")
    for group, _ in GROUPS:
        print(f"{group}={sum(entry.group == group for entry in entries)}")


def check(version: str, path: str) -> None:
    """Refuse unless the file has exactly one section for the version, with at least one entry."""
    found = find_sections(read(path), version)
    if len(found) != 1:
        raise Refused(f"{path} has {len(found)} sections for {version}, not one")
    count = sum(line.startswith("- ") for line in found[0].splitlines())
    if count == 0:
        raise Refused(f"the section for {version} in {path} has no entry")
    print(f"checked={count}")


def main() -> int:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("mode", choices=("write", "check"))
    parser.add_argument("--log", help="output of git log, for `write`")
    parser.add_argument("--version", required=True)
    parser.add_argument("--file", required=True)
    args = parser.parse_args()
    try:
        if args.mode == "check":
            check(args.version, args.file)
        elif args.log is None:
            raise Refused("`write` needs --log")
        else:
            write(args.log, args.version, args.file)
    except (Refused, OSError) as error:
        print(f"changelog: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
