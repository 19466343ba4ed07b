"""Run the Python tests of a folder with unittest; no test at all, or only skipped ones, is a failure.

`python3 -m unittest` before 3.12 ends with 0 when it finds nothing to run.
"""

from __future__ import annotations

import argparse
import os
import sys
import unittest


def main() -> int:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--folder", required=True)
    args = parser.parse_args()
    if not os.path.isdir(args.folder):
        print(f"run_tests: {args.folder} is not a folder", file=sys.stderr)
        return 1
    suite = unittest.TestLoader().discover(args.folder)
    result = unittest.TextTestRunner(stream=sys.stderr).run(suite)
    ran = result.testsRun - len(result.skipped)
    print(f"tests={ran}")
    if ran < 1:
        print(f"run_tests: no test ran in {args.folder}", file=sys.stderr)
    return 0 if result.wasSuccessful() and ran >= 1 else 1


if __name__ == "__main__":
    sys.exit(main())
