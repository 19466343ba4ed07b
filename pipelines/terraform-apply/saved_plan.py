"""Take a saved Terraform plan by its digest, and read back what its application left.

`take` reads the file once, refuses it unless its SHA-256 is the approved one, and writes those very
bytes to a private copy. `agreed` refuses unless it changes what people were told that it changes.
`state` prints what the state holds. `promised` refuses unless the state
holds exactly the managed resources that the saved plan promised.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import stat
import subprocess
import sys
from typing import Any, Iterator, Optional

MAX_BYTES = 256 << 20
# The same as in terraform-plan/summary.py, which prints what is compared here.
MAX_CHANGES = 1800


class Refused(Exception):
    """The saved plan is not the approved one, or the state is not what it promised."""


def read_checked(path: str, wanted: str) -> bytes:
    """Return the bytes of a regular file, once, if their digest is the wanted one."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(descriptor, "rb") as file:
        status = os.fstat(file.fileno())
        if not stat.S_ISREG(status.st_mode) or status.st_size > MAX_BYTES:
            raise Refused(f"{path} is not a regular file of at most {MAX_BYTES} bytes")
        data = file.read(MAX_BYTES + 1)
    found = "sha256:" + hashlib.sha256(data).hexdigest()
    if found != wanted:
        raise Refused(f"{path} has the digest {found}, but {wanted} was approved; plan again and ask again")
    return data


def take(path: str, wanted: str, copy: str) -> None:
    """Write the approved bytes to a private copy."""
    data = read_checked(path, wanted)
    descriptor = os.open(copy, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    print(f"plan={wanted}")


def show(path: Optional[str]) -> dict[str, Any]:
    """Return what Terraform says about a saved plan, or about the state where no plan is named."""
    done = subprocess.run(
        ["terraform", "show", "-json"] + ([path] if path else []),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        check=False,
    )
    if done.returncode != 0:
        cause = " ".join(done.stderr.decode("utf-8", "replace").split())
        raise Refused(f"terraform show failed with {done.returncode}: {cause[:2000]}")
    document = json.loads(done.stdout)
    if not isinstance(document, dict) or not str(document.get("format_version", "")).startswith("1."):
        raise Refused("terraform show gave JSON of an unknown format version")
    return document


def managed(module: dict[str, Any]) -> Iterator[str]:
    """Yield the addresses of the managed resources of a module and of those below it."""
    for resource in module.get("resources", []):
        if resource["mode"] == "managed":
            yield resource["address"]
    for child in module.get("child_modules", []):
        yield from managed(child)


def in_state(document: dict[str, Any]) -> list[str]:
    """Return the addresses of the managed resources in a state."""
    return sorted(managed(document.get("values", {}).get("root_module", {})))


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


def agreed(path: str, wanted: str) -> None:
    """Refuse unless what the saved plan changes is what people agreed to."""
    found = changes(show(path))
    if found != wanted:
        raise Refused(f"the saved plan would: {found}; agreed was: {wanted}")
    print(f"changes={found}")


def print_state() -> None:
    """Print the resources of the state, their number, and a digest over the values."""
    document = show(None)
    for address in in_state(document):
        print(f"resource: {address}")
    print(f"resources={len(in_state(document))}")
    canonical = json.dumps(document.get("values", {}), sort_keys=True, separators=(",", ":"))
    print(f"state=sha256:{hashlib.sha256(canonical.encode()).hexdigest()}")


def promised(path: str, wanted: str) -> None:
    """Refuse unless the state holds exactly the managed resources that the plan promised."""
    read_checked(path, wanted)
    planned = sorted(managed(show(path).get("planned_values", {}).get("root_module", {})))
    found = in_state(show(None))
    if planned != found:
        missing = ", ".join(sorted(set(planned) - set(found))) or "none"
        extra = ", ".join(sorted(set(found) - set(planned))) or "none"
        raise Refused(f"the state is not what the plan promised; missing: {missing}; too many: {extra}")
    print(f"resources={len(found)}")


def main() -> int:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("mode", choices=("take", "agreed", "state", "promised"))
    parser.add_argument("--plan-file")
    parser.add_argument("--digest")
    parser.add_argument("--copy")
    parser.add_argument("--changes")
    args = parser.parse_args()
    try:
        if args.mode == "state":
            print_state()
        elif args.mode == "take" and args.plan_file and args.digest and args.copy:
            take(args.plan_file, args.digest, args.copy)
        elif args.mode == "agreed" and args.plan_file and args.changes:
            agreed(args.plan_file, args.changes)
        elif args.mode == "promised" and args.plan_file and args.digest:
            promised(args.plan_file, args.digest)
        else:
            raise Refused(f"`{args.mode}` lacks an option")
    except (Refused, OSError, ValueError, KeyError, TypeError) as error:
        print(f"saved_plan: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
