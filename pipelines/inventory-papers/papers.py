"""Find a commit's readme and licence, given as the tar file of `git archive`, and print their digests."""

from __future__ import annotations

import argparse
import hashlib
import re
import sys
import tarfile

PAPERS = {
    "readme": re.compile(r"readme(\.[a-z]+)?", re.I),
    "licence": re.compile(r"(licen[cs]e|copying)([.-].+)?", re.I),
}


def main() -> int:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tree", required=True)
    args = parser.parse_args()
    found = dict.fromkeys(PAPERS, "none")
    try:
        with tarfile.open(args.tree, "r:") as tree:
            for member in tree:
                for paper, pattern in PAPERS.items():
                    if found[paper] == "none" and member.isfile() and pattern.fullmatch(member.name):
                        content = tree.extractfile(member)
                        if content is not None:
                            found[paper] = "sha256:" + hashlib.sha256(content.read()).hexdigest()
    except (OSError, tarfile.TarError) as error:
        print(f"papers: {error}", file=sys.stderr)
        return 1
    for paper, digest in found.items():
        print(f"{paper}={digest}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
