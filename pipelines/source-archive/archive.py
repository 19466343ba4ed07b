"""Write the SHA-256 sum of a source archive, or compare the archive with a second packing of it.

`sum` writes a file that `sha256sum --check` reads. `compare` refuses unless both archives are the
same bytes and every member lies below the prefix, so that unpacking cannot leave its folder.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import sys
import tarfile


class Refused(Exception):
    """The archive is not what it should be."""


def digest(path: str) -> str:
    """Return the SHA-256 of a regular file in lower-case hex."""
    if os.path.islink(path) or not os.path.isfile(path):
        raise Refused(f"{path} is not a regular file")
    state = hashlib.sha256()
    with open(path, "rb") as file:
        for block in iter(lambda: file.read(1 << 20), b""):
            state.update(block)
    return state.hexdigest()


def write_sum(path: str, sums: str) -> None:
    """Write the sums file and print the archive's size."""
    size = os.path.getsize(path)
    if size == 0:
        raise Refused(f"{path} is empty")
    line = f"{digest(path)}  {os.path.basename(path)}\n"
    if os.path.islink(sums):
        raise Refused(f"{sums} is a symbolic link")
    with open(sums, "w", encoding="ascii") as file:
        file.write(line)
        file.flush()
        os.fsync(file.fileno())
    print(f"bytes={size}")


def compare(path: str, again: str, prefix: str) -> None:
    """Refuse unless both archives are the same, and safe to unpack."""
    if digest(path) != digest(again):
        raise Refused(f"{path} is not what the tag packs to: {digest(path)} and {digest(again)}")
    seen: set[str] = set()
    with tarfile.open(path, "r:gz") as archive:
        for member in archive:
            name = member.name + "/" if member.isdir() else member.name
            if not name.startswith(prefix) or ".." in name.split("/"):
                raise Refused(f"member `{member.name}` lies outside {prefix}")
            if not (member.isfile() or member.isdir() or member.issym()):
                raise Refused(f"member `{member.name}` is neither a file nor a folder")
            if name in seen:
                raise Refused(f"member `{member.name}` is there twice")
            seen.add(name)
    print(f"members={len(seen)}")


def main() -> int:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("mode", choices=("sum", "compare"))
    parser.add_argument("--file", required=True)
    parser.add_argument("--sums", help="the sums file, for `sum`")
    parser.add_argument("--again", help="the second packing, for `compare`")
    parser.add_argument("--prefix", help="the folder all members lie in, for `compare`")
    args = parser.parse_args()
    try:
        if args.mode == "sum" and args.sums:
            write_sum(args.file, args.sums)
        elif args.mode == "compare" and args.again and args.prefix:
            compare(args.file, args.again, args.prefix)
        else:
            raise Refused(f"`{args.mode}` lacks an option")
    except (Refused, OSError, tarfile.TarError) as error:
        print(f"archive: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
