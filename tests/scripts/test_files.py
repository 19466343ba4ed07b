"""What every directive, pipeline and script that ships must keep to."""

from __future__ import annotations

import ast
import unittest
import harness

FAMILIES = ["release", "terraform", "database-migration", "bulk-edit", "README"]


class Files(unittest.TestCase):
    """The files themselves; `countersign pipelines check` looks into them, in the tests of the tool."""

    def test_python_runs_isolated_and_writes_no_cache(self) -> None:
        for path in harness.PIPELINES.glob("*.yml"):
            lines = path.read_text().splitlines()
            for at, line in enumerate(lines):
                if line.strip() == "program: python3":
                    argv = " ".join(lines[at + 1 : at + 4]).replace("- ", "").replace(",", "")
                    self.assertRegex(argv, r"^ +argv:\s+\[?-I\s+-B(\s|$)", f"{path.name}:{at + 1}")

    def test_reading_back_writes_nothing(self) -> None:
        for path in harness.PIPELINES.glob("*.yml"):
            _, _, verify = path.read_text().partition("\nverify:\n")
            self.assertNotRegex(verify, r"\n\s+writes:", path.name)

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
        for path in [*harness.PIPELINES.glob("*.yml"), *(harness.ROOT / "directives").glob("*.md")]:
            self.assertIn(f"`{path.stem}`", pages)
