"""The terraform family: a saved plan, and its application by digest."""

from __future__ import annotations

import json
import shutil
import unittest

import harness


@unittest.skipUnless(harness.program("terraform"), "note: terraform is not there")
class Terraform(harness.Case):
    """The sample module, in a folder of the repository."""

    def setUp(self) -> None:
        super().setUp()
        shutil.copytree(harness.PROJECTS / "terraform", self.repo / "infra")

    def plan(self, **more: object) -> dict[str, str]:
        return self.pipeline("terraform-plan", module="infra", **more)

    def apply(self, plan: str) -> dict[str, str]:
        return self.pipeline("terraform-apply", module="infra", plan=plan)

    def state(self) -> dict[str, object]:
        return json.loads(self.read("infra/terraform.tfstate"))

    def change(self, old: str, new: str) -> None:
        self.write("infra/main.tf", self.read("infra/main.tf").replace(old, new))

    def test_the_saved_plan_is_applied_and_read_back(self) -> None:
        planned = self.plan()
        self.assertEqual((planned["add"], planned["change"], planned["destroy"]), ("3", "0", "0"))
        self.assertEqual(planned["plan"], self.sha256("infra/terraform.tfplan"))
        names = sorted(path.name for path in (self.repo / "infra").iterdir())
        self.assertEqual(names, ["main.tf", "network", "terraform.tfplan"])
        applied = self.apply(planned["plan"])
        self.assertEqual(applied["resources"], "3")
        self.assertEqual(len(self.state()["resources"]), 2)
        nothing = self.plan()
        self.assertEqual((nothing["add"], nothing["change"], nothing["destroy"]), ("0", "0", "0"))

    def test_a_second_change_is_planned_from_the_state(self) -> None:
        self.apply(self.plan()["plan"])
        self.change('zones  = ["a", "b"]', 'zones  = ["a", "b", "c"]')
        planned = self.plan()
        self.assertEqual((planned["add"], planned["change"], planned["destroy"]), ("1", "0", "0"))
        self.assertEqual(self.apply(planned["plan"])["resources"], "4")

    def test_another_digest_is_refused_before_terraform_starts(self) -> None:
        self.plan()
        self.assertIn("was approved", self.fails("terraform-apply", module="infra", plan="sha256:" + "0" * 64))
        self.assertFalse((self.repo / "infra/terraform.tfstate").exists())

    def test_a_saved_plan_that_was_planned_again_is_refused(self) -> None:
        digest = self.plan()["plan"]
        self.change('default = "1"', 'default = "2"')
        self.plan()
        self.assertIn("was approved", self.fails("terraform-apply", module="infra", plan=digest))

    def test_a_stale_saved_plan_is_refused_by_terraform(self) -> None:
        digest = self.plan()["plan"]
        self.apply(digest)
        before = self.state()
        self.assertIn("Saved plan is stale", self.fails("terraform-apply", module="infra", plan=digest))
        self.assertEqual(before, self.state())

    def test_a_configuration_that_moved_on_fails_the_verification(self) -> None:
        digest = self.plan()["plan"]
        self.change('default = "1"', 'default = "2"')
        self.assertIn("terraform ended with 2", self.fails("terraform-apply", module="infra", plan=digest))

    def test_destroying_more_than_agreed_is_refused(self) -> None:
        self.apply(self.plan()["plan"])
        self.change('zones  = ["a", "b"]', 'zones  = ["a"]')
        self.assertIn(
            "the plan destroys 1, at most 0 allowed: module.network", self.fails("terraform-plan", module="infra")
        )
        planned = self.plan(max_destroy=1)
        self.assertEqual(planned["destroy"], "1")
        self.assertEqual(self.apply(planned["plan"])["resources"], "2")

    def test_a_broken_module_and_an_unknown_provider_are_refused(self) -> None:
        main = self.read("infra/main.tf")
        self.write("infra/main.tf", main + "resource {\n}\n")
        self.assertIn("Error: Missing type for resource", self.fails("terraform-plan", module="infra"))
        self.write("infra/main.tf", main + 'resource "random_id" "x" {\n  byte_length = 4\n}\n')
        self.assertIn("hashicorp/random", self.fails("terraform-plan", module="infra"))

    def test_a_saved_plan_behind_a_link_is_refused(self) -> None:
        digest = self.plan()["plan"]
        (self.repo / "infra/terraform.tfplan").rename(self.repo / "infra/real")
        (self.repo / "infra/terraform.tfplan").symlink_to("real")
        err = self.script(
            "terraform-apply/saved_plan.py",
            "take",
            "--plan-file=infra/terraform.tfplan",
            f"--digest={digest}",
            "--copy",
            str(self.base / "c"),
            ok=False,
        )
        self.assertIn("Too many levels", err)

    def test_a_file_that_is_no_plan_is_refused(self) -> None:
        self.write("infra/terraform.tfplan", "not a plan")
        self.assertIn(
            "terraform ended with 1",
            self.fails("terraform-apply", module="infra", plan=self.sha256("infra/terraform.tfplan")),
        )
