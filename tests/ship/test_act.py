"""Real workflows, run by act on this machine: the action in the jobs of another repository."""

from __future__ import annotations

import hashlib
import io
import json
import os
import re
import shutil
import subprocess
import tarfile
from pathlib import Path

from harness import ROOT, Case, Daemon, binary
from test_static import tool

COMMIT = re.search(r"countersign/countersign@([0-9a-f]{40})",
                   (ROOT / ".github/workflows/countersign.yml").read_text(encoding="utf-8")).group(1)
IMAGE = "local/runner:1"
FILES = {
    "README.md": "# A project\n",
    "pipelines/mark.yml": """description: Leave a mark.
effect: write
inputs: {text: {type: string, default: hello}}
outputs: {sum: {type: digest, from: {fileDigest: mark.txt}}}
evidence: [sum]
actions:
  - write: {path: mark.txt, content: "{{ inputs.text }}\\n", replace: true}
  - run: {program: sha256sum, argv: [mark.txt], reads: [mark.txt]}
verify:
  - run: {program: sha256sum, argv: [mark.txt], reads: [mark.txt]}
""",
    "directives/mark.md": """---
title: Leave a mark
pipelines: [mark]
inputs:
  text: {type: string, default: hello, pattern: '[a-z ]+'}
ceiling: {effect: write, risk: low}
steps:
  - {id: mark, pipeline: mark, with: {text: '{{ inputs.text }}'}}
---
Leaves a mark.
""",
}
STEP = """      - uses: actions/checkout@08c6903cd8c0fde910a37f88322edcfb5dd907a8 # v5.0.0
        with: {fetch-depth: 0, persist-credentials: false}
"""
LOOP = f"""name: Loop
on: workflow_dispatch
permissions: {{}}
jobs:
  plan:
    runs-on: ubuntu-24.04
    outputs:
      digest: ${{{{ steps.digest.outputs.digest }}}}
    steps:
{STEP}      - uses: countersign/countersign@{COMMIT}
        with:
          command: plan
          directive: mark
          inputs: |
            text=from a job
          plan: ${{{{ runner.temp }}}}/plan.json
          trust-root: ${{{{ vars.TRUST_ROOT }}}}
          signing-key: ${{{{ secrets.PLANNER_KEY }}}}
      - id: digest
        run: echo "digest=sha256:$(sha256sum < "$RUNNER_TEMP/plan.json" | cut -d ' ' -f 1)" >> "$GITHUB_OUTPUT"
  approve:
    needs: plan
    runs-on: ubuntu-24.04
    steps:
{STEP}      - uses: countersign/countersign@{COMMIT}
        with:
          command: approve
          plan: ${{{{ needs.plan.outputs.digest }}}}
          digest: ${{{{ needs.plan.outputs.digest }}}}
          trust-root: ${{{{ vars.TRUST_ROOT }}}}
          signing-key: ${{{{ secrets.PLANNER_KEY }}}}
  run:
    needs: [plan, approve]
    uses: acme/shared/.github/workflows/execute.yml@{COMMIT}
    with:
      digest: ${{{{ needs.plan.outputs.digest }}}}
      trust-root: ${{{{ vars.TRUST_ROOT }}}}
    secrets:
      EXECUTOR_KEY: ${{{{ secrets.EXECUTOR_KEY }}}}
"""
EXECUTE = f"""name: Execute
on:
  workflow_call:
    inputs:
      digest: {{type: string, required: true}}
      trust-root: {{type: string, required: true}}
    secrets:
      EXECUTOR_KEY: {{required: true}}
permissions: {{}}
jobs:
  execute:
    runs-on: ubuntu-24.04
    steps:
{STEP}      - uses: countersign/countersign@{COMMIT}
        with:
          command: execute
          digest: ${{{{ inputs.digest }}}}
          bundle: ${{{{ vars.FOLDER }}}}/bundle.json
          trust-root: ${{{{ inputs.trust-root }}}}
          signing-key: ${{{{ secrets.EXECUTOR_KEY }}}}
      - run: cp mark.txt "$FOLDER/mark.txt"
        env:
          FOLDER: ${{{{ vars.FOLDER }}}}
"""


class Act(Case):
    """A repository with a ledger at its origin, and the action as a release of it would be."""

    def setUp(self) -> None:
        """Set the repository up with the real binary."""
        super().setUp()
        self.act = tool("act")
        self.binary = binary()
        self.repo = self.base / "repo"
        for name, text in FILES.items():
            self.write(f"repo/{name}", text)
        self.home = self.base / "home"
        self.home.mkdir()
        self.git("init", "--quiet", "--initial-branch", "main")
        self.commit("Begin")
        self.countersign("init", "--solo", "--login", "ada")
        self.commit("Set up countersign")
        self.git("init", "--quiet", "--bare", str(self.base / "origin.git"))
        self.git("remote", "add", "origin", str(self.base / "origin.git"))
        self.git("push", "--quiet", "origin", "main", "countersign/ledger")
        keys = sorted((self.home / "countersign/keys").glob("*.pem"))
        self.keys = {("EXECUTOR_KEY" if key.name.startswith("runner-") else "PLANNER_KEY"): key for key in keys}
        self.root = "sha256:" + hashlib.sha256((self.repo / ".countersign/trust.json").read_bytes()).hexdigest()
        self.lay_the_action()

    def lay_the_action(self) -> None:
        """Copy the action, with a release that names this very binary, which the runner has already."""
        action = self.base / "action"
        for name in ("action.yml", ".github/action/install"):
            (action / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, action / name)
        (self.base / "tools").mkdir()
        shutil.copy(self.binary, self.base / "tools")
        self.sum = hashlib.sha256(self.binary.read_bytes()).hexdigest()
        self.write("action/.github/action/release", f"image=ghcr.io/a/b@sha256:{'a' * 64}\nbinary=sha256:{self.sum}\n")

    def environment(self, **more: str) -> dict[str, str]:
        """Return the variables of a person."""
        return {
            "PATH": f"{self.base / 'tools'}:{os.environ['PATH']}",
            "HOME": str(self.home),
            "COUNTERSIGN_HOME": str(self.home / "countersign"),
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_AUTHOR_NAME": "ada", "GIT_AUTHOR_EMAIL": "ada@example.com",
            "GIT_COMMITTER_NAME": "ada", "GIT_COMMITTER_EMAIL": "ada@example.com",
            **more,
        }

    def git(self, *argv: str) -> str:
        """Run git in the repository."""
        return self.run_ok(["git", *argv], cwd=self.repo, env=self.environment()).strip()

    def commit(self, message: str) -> None:
        """Commit everything."""
        self.git("add", "--all")
        self.git("commit", "--quiet", "--message", message)

    def countersign(self, *argv: str) -> dict:
        """Run the tool as a person."""
        return json.loads(self.run_ok([self.binary, *argv, "--json"], cwd=self.repo, env=self.environment()))

    def workflow(self, name: str, text: str) -> None:
        """Commit a workflow to the repository, and push."""
        self.write(f"repo/.github/workflows/{name}.yml", text)
        self.commit(f"Workflow {name}")
        self.git("push", "--quiet", "origin", "main")

    def run_act(self, name: str, daemon: Daemon | None = None):
        """Run a workflow on this machine: its jobs without a container, or each in one of a daemon."""
        home = self.base / "runner"
        home.mkdir(exist_ok=True)
        argv = [self.act, "workflow_dispatch", "--workflows", f".github/workflows/{name}.yml",
                "--platform", f"ubuntu-24.04={IMAGE if daemon else '-self-hosted'}", "--action-offline-mode", "--no-cache-server",
                "--local-repository", f"countersign/countersign@{COMMIT}={self.base / 'action'}",
                "--local-repository", f"acme/shared@{COMMIT}={self.base / 'shared'}",
                "--env", "DOCKER_HOST=unix:///nowhere", "--var", f"TRUST_ROOT={self.root}", "--var", f"FOLDER={self.base}"]
        for secret, key in self.keys.items():
            argv += ["--secret", f"{secret}={key.read_text()}"]
        env = {"PATH": self.environment()["PATH"], "HOME": str(home), "XDG_CACHE_HOME": str(home / "cache")}
        if daemon:
            env["DOCKER_HOST"] = f"unix://{daemon.socket}"
            mounts = f"--volume=/usr:/usr:ro --volume={self.base}:{self.base} --volume={self.base / 'tools'}:/tools:ro"
            argv += ["--pull=false", "--rm", "--container-daemon-socket", "-", "--container-options", mounts]
        return self.run_any(argv, cwd=self.repo, env=env)

    def test_plan_approve_and_execute_in_three_jobs_and_a_workflow_of_another_repository(self) -> None:
        """Nothing but a digest goes from job to job; the ledger at the origin holds the rest."""
        self.write("shared/.github/workflows/execute.yml", EXECUTE)
        self.workflow("loop", LOOP)
        done = self.run_act("loop")
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertEqual((self.base / "mark.txt").read_text(), "from a job\n")
        self.assertFalse((self.repo / "mark.txt").exists(), "it ran in the job's own copy")
        self.git("config", "countersign.remote", "origin")
        self.countersign("ledger", "verify")
        log = self.countersign("ledger", "log")["result"]
        kinds = [entry["kind"] for entry in reversed(log)]
        for kind in ("plan", "approval", "claim", "step-started", "step-finished", "outcome"):
            self.assertEqual(kinds.count(kind), 1, kinds)
        bundle = self.base / "bundle.json"
        verified = self.countersign("verify", "--bundle", str(bundle), "--offline", "--trust-root", self.root)
        self.assertEqual(verified["exitCode"], 0)
        for key in self.keys.values():
            self.assertNotIn(key.read_text().splitlines()[1], done.stdout + done.stderr, "no key is in a log")
        self.replay(log[0]["plan"])

    def test_the_same_with_each_job_in_a_container(self) -> None:
        """A container holds this machine's programs and nothing else; every job begins in a new one."""
        daemon = self.containers()
        self.write("shared/.github/workflows/execute.yml", EXECUTE)
        self.workflow("loop", LOOP)
        done = self.run_act("loop", daemon)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertEqual((self.base / "mark.txt").read_text(), "from a job\n")

    def test_the_workflows_that_ship_do_the_same_in_containers(self) -> None:
        """Plan, comment, execute and fan out as the tutorial has it, each job in a new container; the model is GitHub."""
        daemon = self.containers()
        env = {**os.environ, "COUNTERSIGN_ACT_DOCKER": f"unix://{daemon.socket}", "COUNTERSIGN_ACT_IMAGE": IMAGE}
        names = ["act::a_proposed_directive_is_planned_approved_and_run_by_the_workflow_that_init_writes",
                 "act::the_fan_out_of_the_documentation_runs_each_step_once_in_a_job_of_its_own"]
        argv = ["cargo", "test", "--quiet", "--test", "integration", "--", "--exact", "--test-threads=1", *names]
        said = self.run_ok(argv, cwd=ROOT, env=env)
        self.assertIn("2 passed", said)

    def containers(self) -> Daemon:
        """Return a daemon that has the image of a runner, or skip the test."""
        why = Daemon.missing() or ("" if os.path.islink("/bin") else "the programs of this machine are not all below /usr")
        if why:
            self.skipTest(f"skipped: {why}")
        daemon = Daemon()
        self.addCleanup(daemon.stop)
        if why := daemon.start():
            self.skipTest(f"skipped: {why}")
        self.lay_the_image(daemon)
        return daemon

    def test_the_action_of_the_repository_itself_is_used_as_a_folder(self) -> None:
        """`uses: ./`, as the repository of the action does."""
        for name in ("action.yml", ".github/action/install", ".github/action/release"):
            self.write(f"repo/{name}", (self.base / "action" / name).read_text(), 0o755)
        text = LOOP[:LOOP.index("  approve:\n")].replace(f"countersign/countersign@{COMMIT}", "./")
        self.assertIn("uses: ./\n", text)
        self.workflow("folder", text)
        done = self.run_act("folder")
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.git("config", "countersign.remote", "origin")
        kinds = [entry["kind"] for entry in self.countersign("ledger", "log")["result"]]
        self.assertEqual(kinds, ["plan", "genesis"])

    def lay_the_image(self, daemon: Daemon) -> None:
        """Make the image of a runner: where the programs of this machine are mounted, and who is who."""
        packed = io.BytesIO()
        with tarfile.open(fileobj=packed, mode="w") as archive:
            for name in ("usr", "tools", "opt/hostedtoolcache", "root", "tmp", "etc", "dev", "proc", "sys", "var/run"):
                entry = tarfile.TarInfo(name)
                entry.type, entry.mode = tarfile.DIRTYPE, 0o1777 if name == "tmp" else 0o755
                archive.addfile(entry)
            for name in ("bin", "sbin", "lib", "lib64"):
                entry = tarfile.TarInfo(name)
                entry.type, entry.linkname = tarfile.SYMTYPE, f"usr/{name}"
                archive.addfile(entry)
            # Links below /etc lead below /usr here, so the roots of TLS are copied.
            roots = Path("/etc/ssl/certs/ca-certificates.crt").read_bytes()
            for name, text in (("passwd", b"root:x:0:0:root:/root:/bin/bash\n"), ("group", b"root:x:0:\n"),
                               ("ssl/certs/ca-certificates.crt", roots)):
                entry = tarfile.TarInfo(f"etc/{name}")
                entry.size = len(text)
                archive.addfile(entry, io.BytesIO(text))
        argv = ["docker", "import", "--change", "ENV PATH=/tools:/usr/local/bin:/usr/bin:/bin HOME=/root", "-", IMAGE]
        subprocess.run(argv, input=packed.getvalue(), env=daemon.environment(), capture_output=True, check=True)

    def replay(self, digest: str) -> None:
        """Let another workflow execute the same digest: it is refused, and nothing runs."""
        (self.base / "mark.txt").unlink()
        call = LOOP[LOOP.index("  run:\n"):].replace("    needs: [plan, approve]\n", "")
        text = LOOP[:LOOP.index("  plan:\n")] + call.replace("${{ needs.plan.outputs.digest }}", digest)
        # The plan is for the commit of before: the workflow lies beside the repository's history.
        self.write("repo/.github/workflows/again.yml", text)
        done = self.run_act("again")
        self.assertNotEqual(done.returncode, 0, done.stdout)
        self.assertIn("[replay.consumed]", done.stdout)
        self.assertFalse((self.base / "mark.txt").exists())

    def test_another_binary_than_that_of_the_release_does_not_run(self) -> None:
        """Whatever is on the runner's PATH."""
        self.write("tools/countersign", f"#!/bin/sh\ntouch {self.base}/ran\n", 0o755)
        self.workflow("loop", LOOP)
        done = self.run_act("loop")
        self.assertNotEqual(done.returncode, 0, done.stdout)
        self.assertIn("the image cannot be pulled", done.stdout)
        self.assertFalse((self.base / "ran").exists())
