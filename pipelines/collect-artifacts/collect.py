"""Copy the files that patterns take into a folder for each category, or check such a collection.

`collect` chooses every file first and refuses before anything is written: a link, two files for one
place, too few or too many files. Files are copied, never moved; if one copy fails, those before it
are removed. `check` chooses again, and hashes every file and every copy.
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
from typing import NamedTuple, NoReturn

MAX_FILE = 64 << 20
MAX_TOTAL = 512 << 20
MANIFEST = "manifest.json"
CATEGORY = re.compile(r"[a-z0-9][a-z0-9-]{0,39}(?:/[a-z0-9][a-z0-9-]{0,39}){0,3}")


class Refused(Exception):
    """The files cannot be collected, or the copies are not what was collected."""


class Item(NamedTuple):
    """One file that is taken, and the place of its copy below the folder of artifacts."""

    source: str
    category: str
    path: str


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


def globs(text: str) -> list[re.Pattern[str]]:
    """Return the patterns of a list that commas join."""
    found = [glob.strip() for glob in text.split(",")]
    if not all(found):
        raise Refused(f"`{text}` holds an empty pattern")
    return [glob_to_regex(glob) for glob in found]


def categories(text: str) -> list[tuple[str, list[re.Pattern[str]]]]:
    """Return each category with its patterns, in the order given: the first that takes a file has it."""
    found: list[tuple[str, list[re.Pattern[str]]]] = []
    for part in text.split(";"):
        name, sign, patterns = (piece.strip() for piece in part.partition("="))
        if not sign or not CATEGORY.fullmatch(name):
            raise Refused(f"`{part.strip()}` is not a category such as reports=**/*.json")
        if name in (known for known, _ in found):
            raise Refused(f"the category `{name}` stands there twice")
        found.append((name, globs(patterns)))
    return found


def check_folders(folder: str, into: str) -> None:
    """Refuse folders that hold one another, and a link on the way to one of them."""
    # The whole checkout holds the folder of artifacts, which is then passed by.
    apart = folder == "." or not f"{into}/".startswith(f"{folder}/")
    if into == "." or not apart or f"{folder}/".startswith(f"{into}/"):
        raise Refused(f"{folder} and {into} hold one another")
    for path in (folder, into):
        parts = path.split("/")
        for end in range(1, len(parts) + 1):
            if os.path.islink("/".join(parts[:end])):
                raise Refused(f"{'/'.join(parts[:end])} is a symbolic link")
    if not os.path.isdir(folder):
        raise Refused(f"{folder} is not a folder")


def fail(error: OSError) -> NoReturn:
    """Refuse what cannot be listed."""
    raise error


def below(folder: str) -> list[str]:
    """Return everything below a folder but folders, sorted; a link to a folder is not followed."""
    found: list[str] = []
    for base, folders, files in os.walk(folder, followlinks=False, onerror=fail):
        folders[:] = sorted(name for name in folders if name != ".git")
        links = [name for name in folders if os.path.islink(os.path.join(base, name))]
        found.extend(os.path.relpath(os.path.join(base, name), folder) for name in files + links)
    return sorted(found)


def choose(args: argparse.Namespace) -> list[Item]:
    """Return what is taken, sorted by its place; refuse what has no place of its own."""
    wanted, unwanted = categories(args.categories), globs(args.exclude)
    check_folders(args.folder, args.into)
    items: list[Item] = []
    for name in below(args.folder):
        if args.folder == "." and f"{name}/".startswith(f"{args.into}/"):
            continue
        if any(pattern.fullmatch(name) for pattern in unwanted):
            continue
        taker = next((word for word, patterns in wanted if any(one.fullmatch(name) for one in patterns)), None)
        if taker is None:
            continue
        source = name if args.folder == "." else f"{args.folder}/{name}"
        if os.path.islink(source):
            raise Refused(f"{source} is a symbolic link; exclude it")
        if not name.isprintable() or "\\" in name:
            raise Refused(f"{source!r} is not a plain name; exclude it")
        kept = os.path.basename(name) if args.flat == "true" else name
        items.append(Item(source, taker, f"{taker}/{kept}"))
    if not args.min <= len(items) <= args.max:
        raise Refused(f"{len(items)} files are taken, expected {args.min} to {args.max}; nothing was written")
    check_places(items)
    return sorted(items, key=lambda item: item.path)


def check_places(items: list[Item]) -> None:
    """Refuse two files for one place, also where only their case differs, and a file where a folder must be."""
    places: dict[str, Item] = {MANIFEST: Item("the manifest", "", MANIFEST)}
    for item in items:
        other = places.setdefault(item.path.casefold(), item)
        if other is not item:
            raise Refused(f"{other.source} and {item.source} would both be {item.path}; nothing was written")
    for item in items:
        parts = item.path.casefold().split("/")
        for end in range(1, len(parts)):
            other = places.get("/".join(parts[:end]))
            if other is not None:
                raise Refused(f"{other.source} would be where {item.source} needs a folder; nothing was written")


def read_regular(path: str) -> tuple[bytes, bool]:
    """Return a regular file's bytes and whether it can be executed; links, devices and huge files are refused."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except PermissionError:
        raise Refused(f"{path} cannot be read; where no commit holds it, commit it or exclude it") from None
    with os.fdopen(descriptor, "rb") as file:
        status = os.fstat(file.fileno())
        if not stat.S_ISREG(status.st_mode):
            raise Refused(f"{path} is not a regular file")
        if status.st_nlink > 1:
            raise Refused(f"{path} has {status.st_nlink} names; exclude it")
        data = file.read(MAX_FILE + 1)
    if len(data) > MAX_FILE:
        raise Refused(f"{path} is larger than {MAX_FILE} bytes")
    return data, bool(status.st_mode & 0o100)


def row(item: Item, data: bytes) -> dict[str, object]:
    """Return a file's line of the manifest."""
    return {
        "path": item.path,
        "source": item.source,
        "category": item.category,
        "bytes": len(data),
        "sha256": hashlib.sha256(data).hexdigest(),
    }


def write_new(path: str, data: bytes, executable: bool) -> None:
    """Write a file that must not be there yet."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    with os.fdopen(os.open(path, flags, 0o755 if executable else 0o644), "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def leftovers(into: str) -> list[str]:
    """Return what lies in the folder of artifacts, but for the empty manifest that a step begins with."""
    if not os.path.lexists(into):
        return []
    empty = os.path.join(into, MANIFEST)
    begun = os.path.isfile(empty) and not os.path.islink(empty) and os.path.getsize(empty) == 0
    names: list[str] = []
    for base, folders, files in os.walk(into, onerror=fail):
        names.extend(os.path.relpath(os.path.join(base, name), into) for name in folders + files)
    return sorted(name for name in names if not (begun and name == MANIFEST))


def collect(args: argparse.Namespace) -> None:
    """Copy every file that is taken, write the manifest, and print what was done."""
    items = choose(args)
    there = leftovers(args.into)
    if there:
        raise Refused(f"{args.into}/{there[0]} is there already; name another folder, or remove it")
    rows: list[dict[str, object]] = []
    written: list[str] = []
    made: list[str] = []
    total = 0
    try:
        for item in items:
            data, executable = read_regular(item.source)
            total += len(data)
            if total > MAX_TOTAL:
                raise Refused(f"the files are larger than {MAX_TOTAL} bytes together; nothing was left")
            parts = item.path.split("/")
            for end in range(0, len(parts)):
                folder = "/".join([args.into, *parts[:end]])
                if not os.path.isdir(folder):
                    os.mkdir(folder)
                    made.append(folder)
            target = f"{args.into}/{item.path}"
            # Noted first, since a write that fails may leave a part.
            written.append(target)
            write_new(target, data, executable)
            rows.append(row(item, data))
        with open(f"{args.into}/{MANIFEST}", "w", encoding="utf-8") as file:
            json.dump({"version": 1, "folder": args.folder, "files": rows}, file, indent=1, ensure_ascii=True)
            file.write("\n")
            file.flush()
            os.fsync(file.fileno())
    except BaseException:
        for path in written:
            if os.path.lexists(path):
                os.unlink(path)
        for folder in reversed(made):
            os.rmdir(folder)
        raise
    for line in rows:
        print(f"copied: {line['source']} -> {args.into}/{line['path']} sha256:{line['sha256']}")
    print(f"files={len(rows)}")
    print(f"bytes={total}")


def check(args: argparse.Namespace) -> None:
    """Refuse unless the manifest, the files and the copies say the same, and nothing else lies there."""
    items = choose(args)
    manifest = json.loads(read_regular(f"{args.into}/{MANIFEST}")[0].decode("utf-8"))
    if not isinstance(manifest, dict) or manifest.get("version") != 1 or manifest.get("folder") != args.folder:
        raise Refused(f"{args.into}/{MANIFEST} is about something else")
    expected = [row(item, read_regular(item.source)[0]) for item in items]
    if manifest.get("files") != expected:
        raise Refused(f"{args.into}/{MANIFEST} does not name what {args.folder} holds")
    for item, line in zip(items, expected):
        found = hashlib.sha256(read_regular(f"{args.into}/{item.path}")[0]).hexdigest()
        if found != line["sha256"]:
            raise Refused(f"{args.into}/{item.path} has the digest {found}, the manifest says {line['sha256']}")
    more = sorted(set(below(args.into)) - {item.path for item in items} - {MANIFEST})
    if more:
        raise Refused(f"{args.into}/{more[0]} is in no manifest")
    print(f"checked={len(expected)}")


def main() -> int:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("mode", choices=("collect", "check"))
    for name in ("folder", "categories", "exclude", "into"):
        parser.add_argument(f"--{name}", required=True)
    parser.add_argument("--flat", choices=("true", "false"), required=True)
    parser.add_argument("--min", type=int, required=True)
    parser.add_argument("--max", type=int, required=True)
    args = parser.parse_args()
    args.folder, args.into = args.folder.rstrip("/"), args.into.rstrip("/")
    try:
        (collect if args.mode == "collect" else check)(args)
    except (Refused, OSError, ValueError) as error:
        print(f"collect: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
