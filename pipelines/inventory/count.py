"""Count the files, lines and bytes of a commit, given as the tar file that `git archive` makes of it."""

from __future__ import annotations

import argparse
import sys
import tarfile


def main() -> int:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tree", required=True)
    args = parser.parse_args()
    files = lines = size = 0
    try:
        with tarfile.open(args.tree, "r:") as tree:
            for member in tree:
                content = tree.extractfile(member) if member.isfile() else None
                if content is None:
                    continue
                data = content.read()
                files, size = files + 1, size + len(data)
                lines += 0 if b"\0" in data[:8000] else data.count(b"\n")
            commit = tree.pax_headers.get("comment", "")
    except (OSError, tarfile.TarError) as error:
        print(f"count: the commit holds no file, or cannot be read: {error}", file=sys.stderr)
        return 1
    if files == 0:
        print("count: the commit holds no file", file=sys.stderr)
        return 1
    print(f"commit={commit}")
    print(f"files={files}")
    print(f"lines={lines}")
    print(f"bytes={size}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
