"""Check that every Python file of a folder can be compiled; nothing is run and nothing is written."""

from __future__ import annotations

import argparse
import os
import sys
import warnings


def main() -> int:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", required=True)
    args = parser.parse_args()
    warnings.simplefilter("ignore")
    checked = failed = 0
    try:
        for base, folders, files in os.walk(args.folder):
            folders.sort()
            for name in sorted(files):
                path = os.path.join(base, name)
                if not name.endswith(".py") or os.path.islink(path):
                    continue
                checked += 1
                try:
                    with open(path, "rb") as file:
                        compile(file.read(), path, "exec", dont_inherit=True)
                except (SyntaxError, ValueError) as error:
                    failed += 1
                    print(f"syntax: {path}: {error}", file=sys.stderr)
    except OSError as error:
        print(f"syntax: {error}", file=sys.stderr)
        return 1
    if checked == 0:
        print(f"syntax: there is no Python file below {args.folder}", file=sys.stderr)
        return 1
    print(f"checked={checked}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
