"""What every directive, pipeline and script that ships must keep to."""

from __future__ import annotations

import ast
import re
import unittest
from typing import Any

import harness

EFFECTS = ["read", "analyze", "recommend", "notify", "write", "irreversible"]
FAMILIES = ["release", "terraform", "database-migration", "bulk-edit"]


def runs(pipeline: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the run actions of a pipeline."""
    return [action["run"] for action in pipeline["actions"] + pipeline.get("verify", []) if "run" in action]


class Files(unittest.TestCase):
    """The files themselves."""

    def setUp(self) -> None:
        if harness.yaml is None:
            harness.note("PyYAML is not there: files are not read")
            self.skipTest("needs PyYAML")
        self.pipelines = {
            path.stem: harness.yaml.safe_load(path.read_text()) for path in harness.PIPELINES.glob("*.yml")
        }
        self.directives = {}
        for path in (harness.ROOT / "directives").glob("*.md"):
            _, head, body = path.read_text().split("---\n", 2)
            self.directives[path.stem] = harness.yaml.safe_load(head)
            self.assertTrue(body.strip(), path)

    def test_directives_give_their_pipelines_what_they_need(self) -> None:
        for name, directive in self.directives.items():
            self.assertEqual(
                sorted(directive["pipelines"]), sorted({step["pipeline"] for step in directive["steps"]}), name
            )
            steps = {step["id"]: step for step in directive["steps"]}
            for step in directive["steps"]:
                with self.subTest(directive=name, step=step["id"]):
                    pipeline = self.pipelines[step["pipeline"]]
                    self.assertLessEqual(
                        EFFECTS.index(pipeline["effect"]), EFFECTS.index(directive["ceiling"]["effect"])
                    )
                    given, specs = step.get("with", {}), pipeline.get("inputs", {})
                    self.assertLessEqual(set(given), set(specs))
                    self.assertLessEqual({key for key, spec in specs.items() if spec.get("required")}, set(given))
                    for key, text in given.items():
                        match = re.fullmatch(r"\{\{ (inputs\.(\w+)|steps\.(\w+)\.outputs\.(\w+)) \}\}", str(text))
                        self.assertTrue(match, text)
                        if match and match[2]:
                            source = directive["inputs"][match[2]]
                            self.assertEqual(
                                {k: source.get(k) for k in ("type", "pattern", "dash")},
                                {k: specs[key].get(k) for k in ("type", "pattern", "dash")},
                            )
                        elif match:
                            self.assertIn(match[3], step["needs"])
                            source = self.pipelines[steps[match[3]]["pipeline"]]["outputs"][match[4]]
                            self.assertEqual(
                                (source["type"], source.get("pattern")), (specs[key]["type"], specs[key].get("pattern"))
                            )

    def test_pipelines_read_back_what_they_write(self) -> None:
        for name, pipeline in self.pipelines.items():
            with self.subTest(name):
                level = EFFECTS.index(pipeline["effect"])
                self.assertEqual(level >= EFFECTS.index("recommend"), bool(pipeline.get("evidence")))
                self.assertEqual(level >= EFFECTS.index("write"), bool(pipeline.get("verify")))
                self.assertLessEqual(set(pipeline.get("evidence", [])), set(pipeline.get("outputs", {})))
                self.assertFalse([action for action in pipeline.get("verify", []) if "run" not in action])
                self.assertFalse(
                    [run for action in pipeline.get("verify", []) for run in [action["run"]] if run.get("writes")]
                )
                if level < EFFECTS.index("recommend"):
                    self.assertFalse([run for run in runs(pipeline) if run.get("writes")])

    def test_python_runs_isolated_and_scripts_and_scratch_stand_alone(self) -> None:
        for name, pipeline in self.pipelines.items():
            for run in runs(pipeline):
                with self.subTest(name, argv=run["argv"]):
                    if run["program"] == "python3":
                        self.assertEqual(run["argv"][:2], ["-I", "-B"])
                    for text in run["argv"] + list(run.get("env", {}).values()):
                        self.assertIsInstance(text, str)
                        if "{{ scripts." in text or "{{ scratch." in text:
                            self.assertRegex(text, r"^\{\{ (scripts|scratch)\.[A-Za-z0-9_.-]+ \}\}$")

    def test_no_input_can_become_a_flag_or_carry_a_secret(self) -> None:
        for name, pipeline in self.pipelines.items():
            for run in runs(pipeline):
                for text in run["argv"]:
                    self.assertNotIn("DATABASE_URL", text)
                    for key in re.findall(r"^\{\{ inputs\.(\w+) \}\}", text):
                        self.assertFalse(
                            pipeline["inputs"][key].get("dash"), f"{name}: {key} stands alone and may begin with a dash"
                        )

    def test_scripts_are_used_short_and_plain(self) -> None:
        for folder in [path for path in harness.PIPELINES.iterdir() if path.is_dir()]:
            text = (harness.PIPELINES / f"{folder.name}.yml").read_text()
            for path in folder.iterdir():
                with self.subTest(path.name, folder=folder.name):
                    self.assertIn("{{ scripts." + path.name + " }}", text)
                    content = path.read_bytes().decode("ascii")
                    self.assertLessEqual(len(content.splitlines()), 300)
                    self.assertNotIn("{{", content)
                    if path.suffix == ".py":
                        self.check_python(content)

    def check_python(self, content: str) -> None:
        """Check docstrings, types, and that nothing but the standard library is used."""
        tree = ast.parse(content, feature_version=(3, 9))
        self.assertTrue(ast.get_docstring(tree))
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef):
                self.assertIsNotNone(node.returns, node.name)
                self.assertFalse(
                    [arg.arg for arg in node.args.args if arg.annotation is None and arg.arg != "self"], node.name
                )
            if isinstance(node, (ast.FunctionDef, ast.ClassDef)) and node.name != "fail":
                self.assertTrue(ast.get_docstring(node), node.name)

    def test_each_family_has_its_page_and_each_pipeline_is_on_one(self) -> None:
        pages = "".join((harness.ROOT / f"docs/pipelines/{name}.md").read_text() for name in FAMILIES)
        for name in self.pipelines:
            self.assertTrue(name.startswith("inventory") or f"`{name}`" in pages, name)
        for name in self.directives:
            self.assertTrue(name == "inventory" or f"`{name}`" in pages, name)
