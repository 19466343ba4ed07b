"""Count what a saved Terraform plan would change, and refuse one that destroys too much.

Runs `terraform show -json FILE`, so that the counts come from the saved file and from nothing else.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import subprocess
import sys
from typing import Any

MAX_BYTES = 64 << 20
# The same as in terraform-apply/saved_plan.py, which compares.
MAX_CHANGES = 1800


class Refused(Exception):
    """The saved plan cannot be read, or does what it may not."""


def show(path: str) -> dict[str, Any]:
    """Return what Terraform says about a saved plan."""
    if os.path.islink(path) or not os.path.isfile(path):
        raise Refused(f"{path} is not a regular file")
    done = subprocess.run(
        ["terraform", "show", "-json", path],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        check=False,
    )
    if done.returncode != 0:
        cause = " ".join(done.stderr.decode("utf-8", "replace").split())
        raise Refused(f"terraform show failed with {done.returncode}: {cause[:2000]}")
    if len(done.stdout) > MAX_BYTES:
        raise Refused(f"the plan's JSON is larger than {MAX_BYTES} bytes")
    document = json.loads(done.stdout)
    if not isinstance(document, dict) or not str(document.get("format_version", "")).startswith("1."):
        raise Refused("terraform show gave JSON of an unknown format version")
    return document


def count(document: dict[str, Any]) -> dict[str, list[str]]:
    """Return the addresses to add, to change and to destroy; a replacement counts as both of the two."""
    found: dict[str, list[str]] = {"add": [], "change": [], "destroy": []}
    words = {"create": "add", "update": "change", "delete": "destroy"}
    for resource in document.get("resource_changes", []):
        for action in resource["change"]["actions"]:
            if action in words:
                found[words[action]].append(resource["address"])
            elif action not in ("no-op", "read", "forget"):
                raise Refused(f"`{resource['address']}` has the unknown action `{action}`")
    return found


def changes(document: dict[str, Any]) -> str:
    """Return every change on one line, what destroys first; cut after a bound, with how many are left."""
    words = {("create",): "create", ("update",): "update", ("delete",): "delete"}
    order = ("delete", "replace", "update", "create")
    found = []
    for resource in document.get("resource_changes", []):
        actions = tuple(resource["change"]["actions"])
        if actions in (("no-op",), ("read",), ("forget",)):
            continue
        word = words.get(actions) or ("replace" if set(actions) == {"create", "delete"} else "+".join(actions))
        found.append((order.index(word) if word in order else -1, f"{word} {resource['address']}"))
    line, shown = "none", 0
    for _, change in sorted(found):
        longer = change if shown == 0 else f"{line}; {change}"
        if len(longer) > MAX_CHANGES:
            return f"{line}; and {len(found) - shown} more"
        line, shown = longer, shown + 1
    return line


def main() -> int:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--plan-file", required=True)
    parser.add_argument("--max-destroy", type=int, required=True)
    args = parser.parse_args()
    try:
        document = show(args.plan_file)
        if document.get("errored"):
            raise Refused("the saved plan is of a planning that failed")
        found = count(document)
        if len(found["destroy"]) > args.max_destroy:
            names = ", ".join(sorted(found["destroy"]))
            raise Refused(f"the plan destroys {len(found['destroy'])}, at most {args.max_destroy} allowed: {names}")
        with open(args.plan_file, "rb") as file:
            digest = hashlib.sha256(file.read()).hexdigest()
        for kind, addresses in found.items():
            for address in sorted(addresses):
                print(f"{kind}: {address}")
        for kind, addresses in found.items():
            print(f"{kind}={len(addresses)}")
        print(f"changes={changes(document)}")
        print(f"plan=sha256:{digest}")
    except (Refused, OSError, ValueError, KeyError, TypeError) as error:
        print(f"summary: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
