"""The scripts of the terraform family, as far as they need no Terraform."""

from __future__ import annotations

import harness


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
