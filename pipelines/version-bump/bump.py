"""Set or check the version that a file names: a plain version file, a Cargo.toml or a package.json.

`set` replaces the one version in place, leaves every other byte alone, and refuses to go back.
`check` reads the file again and refuses unless it names exactly the wanted version.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import sys

SEMVER = re.compile(r"(\d+)\.(\d+)\.(\d+)(?:-([0-9A-Za-z.]+))?")


class Refused(Exception):
    """The version cannot be set or is not what it should be."""


def order(version: str) -> tuple[tuple[int, int, int], int, list[tuple[int, int, str]]]:
    """Return a key that sorts versions as Semantic Versioning does; a pre-release comes before its release."""
    match = SEMVER.fullmatch(version)
    if match is None:
        raise Refused(f"`{version}` is not a version like 1.2.3 or 1.2.3-rc.1")
    core = (int(match[1]), int(match[2]), int(match[3]))
    if match[4] is None:
        return core, 1, []
    return core, 0, [(0, int(part), "") if part.isdigit() else (1, 0, part) for part in match[4].split(".")]


def find_plain(text: str) -> list[tuple[int, int]]:
    """Return where a file with nothing but a version names it."""
    match = re.fullmatch(r"\s*(\S+)\s*", text)
    return [match.span(1)] if match else []


def find_cargo(text: str) -> list[tuple[int, int]]:
    """Return where `[package]` or `[workspace.package]` names a version of its own."""
    found: list[tuple[int, int]] = []
    table, at = "", 0
    for line in text.splitlines(keepends=True):
        head = re.match(r"\s*\[([^\[\]]+)\]\s*(#.*)?$", line)
        if head:
            table = head[1].strip()
        elif line.lstrip().startswith("[["):
            table = ""
        match = re.match(r"""\s*version\s*=\s*(["'])([^"']*)\1\s*(#.*)?$""", line)
        if match and table in ("package", "workspace.package"):
            found.append((at + match.start(2), at + match.end(2)))
        at += len(line)
    return found


def find_npm(text: str) -> list[tuple[int, int]]:
    """Return where the top level of a JSON object names a version."""
    try:
        document = json.loads(text)
    except ValueError as error:
        raise Refused(f"not JSON: {error}") from None
    if not isinstance(document, dict) or not isinstance(document.get("version"), str):
        return []
    found: list[tuple[int, int]] = []
    depth, at = 0, 0
    token = re.compile(r'"(?:[^"\\]|\\.)*"|[{}\[\]]')
    value = re.compile(r'\s*:\s*"((?:[^"\\]|\\.)*)"')
    for match in token.finditer(text):
        if match.start() < at:
            continue
        word = match[0]
        if word in "{[":
            depth += 1
        elif word in "}]":
            depth -= 1
        elif depth == 1 and word == '"version"':
            after = value.match(text, match.end())
            if after:
                found.append(after.span(1))
                at = after.end()
    return found


FINDERS = {"plain": find_plain, "cargo": find_cargo, "npm": find_npm}


def load(path: str, kind: str) -> tuple[str, int, int]:
    """Return the file's text and where in it the one version stands."""
    if os.path.islink(path):
        raise Refused(f"{path} is a symbolic link")
    with open(path, encoding="utf-8", newline="") as file:
        text = file.read()
    places = FINDERS[kind](text)
    if len(places) != 1:
        raise Refused(f"{path} names {len(places)} versions in the form `{kind}`, not one")
    return text, places[0][0], places[0][1]


def set_version(path: str, kind: str, version: str) -> None:
    """Replace the version and print the old and the new one."""
    text, start, end = load(path, kind)
    old = text[start:end]
    if order(version) <= order(old):
        raise Refused(f"{path} is at {old}, and {version} does not come after it")
    with open(path, "w", encoding="utf-8", newline="") as file:
        file.write(text[:start] + version + text[end:])
        file.flush()
        os.fsync(file.fileno())
    print(f"old={old}")
    print(f"new={version}")


def check_version(path: str, kind: str, version: str) -> None:
    """Refuse unless the file names exactly this version."""
    text, start, end = load(path, kind)
    if text[start:end] != version:
        raise Refused(f"{path} names {text[start:end]}, not {version}")
    print(f"checked={version}")


def main() -> int:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("mode", choices=("set", "check"))
    parser.add_argument("--version", required=True)
    parser.add_argument("--file", required=True)
    parser.add_argument("--kind", choices=sorted(FINDERS), required=True)
    args = parser.parse_args()
    try:
        act = set_version if args.mode == "set" else check_version
        act(args.file, args.kind, args.version)
    except (Refused, OSError, UnicodeDecodeError) as error:
        print(f"bump: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
