"""The scripts of the terraform family, as far as they need no Terraform."""

from __future__ import annotations

import importlib.util
import json
from types import ModuleType
from typing import Any

import harness


def load(path: str) -> ModuleType:
    """Load a script without running it."""
    spec = importlib.util.spec_from_file_location(path.replace("/", "_")[:-3].replace("-", "_"), harness.PIPELINES / path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class SavedPlan(harness.Case):
    """Taking a saved plan by its digest."""

    def setUp(self) -> None:
        super().setUp()
        self.write("infra/terraform.tfplan", "a saved plan")
        self.digest = self.sha256("infra/terraform.tfplan")

    def take(self, ok: bool = True) -> str:
        argv = ("--plan-file=infra/terraform.tfplan", f"--digest={self.digest}", "--copy", str(self.base / "copy"))
        return self.script("terraform-apply/saved_plan.py", "take", *argv, ok=ok)

    def test_the_copy_is_what_was_compared_and_private(self) -> None:
        self.take()
        self.assertEqual((self.base / "copy").read_text(), "a saved plan")
        self.assertEqual((self.base / "copy").stat().st_mode & 0o777, 0o600)

    def test_another_digest_and_a_link_are_refused(self) -> None:
        (self.repo / "infra/terraform.tfplan").rename(self.repo / "infra/real")
        (self.repo / "infra/terraform.tfplan").symlink_to("real")
        self.assertIn("Too many levels", self.take(ok=False))
        (self.repo / "infra/terraform.tfplan").unlink()
        self.write("infra/terraform.tfplan", "another saved plan")
        self.assertIn("was approved", self.take(ok=False))
        self.assertFalse((self.base / "copy").exists())

    def test_a_missing_option_is_refused(self) -> None:
        self.assertIn("lacks an option", self.script("terraform-apply/saved_plan.py", "take", ok=False))


class Changes(harness.Case):
    """What a saved plan changes is said by one script, and compared by another."""

    def said(self, *changes: tuple[str, ...]) -> str:
        resources = [{"address": address, "change": {"actions": list(actions)}} for address, *actions in changes]
        document: dict[str, Any] = json.loads(json.dumps({"resource_changes": resources}))
        said = [load(path).changes(document) for path in ("terraform-plan/summary.py", "terraform-apply/saved_plan.py")]
        self.assertEqual(said[0], said[1])
        return said[0]

    def test_what_destroys_comes_first_and_what_changes_nothing_is_left_out(self) -> None:
        said = self.said(
            ("a", "create"),
            ("b", "no-op"),
            ("c", "read"),
            ("d", "update"),
            ("e", "create", "delete"),
            ("f", "delete", "create"),
            ("z", "delete"),
        )
        self.assertEqual(said, "delete z; replace e; replace f; update d; create a")
        self.assertEqual(self.said(), "none")

    def test_many_creations_hide_no_destruction(self) -> None:
        said = self.said(*((f"aws_thing.number[{n}]", "create") for n in range(500)), ("database", "delete"))
        self.assertTrue(said.startswith("delete database; create aws_thing.number[0]; "))
        self.assertRegex(said, r"; and \d+ more$")
        self.assertLess(len(said), 2000)
