"""The image: what is in it, that it runs where nothing is allowed, and that it is made twice the same."""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
import shutil
import tarfile
from pathlib import Path

from harness import ROOT, Case, Daemon, can_link_static, has, static_binary

NARROW = ["--rm", "--read-only", "--network", "none", "--user", "65534:65534", "--cap-drop", "ALL",
          "--security-opt", "no-new-privileges"]


def base(folder: Path, binary: Path) -> Path:
    """Pack a base in the place of the one with the compiler: a shell, and a cargo that has built already.

    The real base cannot be fetched here. What is tried is everything but the compiler: the stages, the script
    that builds, and what ends up in the image.
    """
    root = folder / "base"
    for name in ("bin", "etc/ssl/certs", "opt", "root", "tmp"):
        (root / name).mkdir(parents=True)
    shutil.copy("/bin/busybox", root / "bin" / "busybox")
    for name in ("sh", "cat", "chmod", "cp", "dirname", "mkdir"):
        (root / "bin" / name).symlink_to("busybox")
    shutil.copy("/etc/ssl/certs/ca-certificates.crt", root / "etc/ssl/certs")
    shutil.copy(binary, root / "opt" / "countersign")
    built = "target/x86_64-unknown-linux-musl/release"
    scripts = {
        "cargo": f'#!/bin/sh\nset -e\n[ "$1 $2 $3" = "build --release --locked" ]\nmkdir -p {built}\ncp /opt/countersign {built}/\n',
        "rustc": "#!/bin/sh\necho /opt\n",
    }
    for name, text in scripts.items():
        (root / "bin" / name).write_text(text)
        (root / "bin" / name).chmod(0o755)
    archive = folder / "base.tar"
    with tarfile.open(archive, "w") as tar:
        tar.add(root, arcname=".", filter=_owned_by_root)
    return archive


def _owned_by_root(member: tarfile.TarInfo) -> tarfile.TarInfo:
    member.uid = member.gid = 0
    member.uname = member.gname = ""
    return member


class Image(Case):
    """What docker makes of the Dockerfile."""

    @classmethod
    def setUpClass(cls) -> None:
        """Start a daemon and build the image once."""
        why = Daemon.missing() or ("" if can_link_static() else "the musl target is not installed")
        why = why or ("" if Path("/bin/busybox").exists() else "there is no static busybox")
        if why:
            raise cls.skipTest(cls, f"skipped: {why}")
        cls.binary, cls.released = static_binary()
        cls.daemon = Daemon()
        cls.addClassCleanup(cls.daemon.stop)
        if why := cls.daemon.start():
            raise cls.skipTest(cls, f"skipped: {why}")
        folder = Path(tempfile.mkdtemp(prefix="ship-base-"))
        cls.addClassCleanup(shutil.rmtree, folder, ignore_errors=True)
        cls.docker("import", str(base(folder, cls.binary)), "local/rust")
        cls.docker("build", "--quiet", "--build-arg", "RUST=local/rust", "--tag", "local/countersign", str(ROOT))

    @classmethod
    def docker(cls, *argv: str) -> str:
        """Run docker, which must succeed."""
        done = subprocess.run(["docker", *argv], env=cls.daemon.environment(), capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise AssertionError(f"docker {argv}: {done.stdout}{done.stderr}")
        return done.stdout.strip()

    def test_it_holds_one_binary_and_the_roots_of_tls_and_runs_as_nobody(self) -> None:
        """No shell, no package manager, no root."""
        container = self.docker("create", "local/countersign")
        self.docker("export", "--output", str(self.base / "all.tar"), container)
        self.docker("rm", container)
        with tarfile.open(self.base / "all.tar") as tar:
            files = {member.name: member for member in tar if member.isfile() and member.size > 0}
        self.assertEqual(set(files), {"countersign", "etc/ssl/certs/ca-certificates.crt"})
        self.assertTrue(all(member.uid == 0 and not member.mode & 0o022 for member in files.values()))
        config = json.loads(self.docker("inspect", "local/countersign"))[0]
        self.assertEqual(config["Config"]["User"], "65534:65534")
        self.assertEqual(config["Config"]["Entrypoint"], ["/countersign"])
        self.assertIn("org.opencontainers.image.source", config["Config"]["Labels"])
        if self.released:
            self.assertLessEqual(config["Size"], 20_000_000)

    def test_it_runs_where_it_may_write_nothing_and_talk_to_nobody(self) -> None:
        """Everything that needs no repository works."""
        said = self.docker("run", *NARROW, "local/countersign", "--version")
        self.assertRegex(said, r"^countersign \d+\.\d+\.\d+$")
        self.assertIn("plan", self.docker("run", *NARROW, "local/countersign", "schema"))

    def test_as_a_container_action_it_says_what_it_lacks(self) -> None:
        """The runner's layout: another owner of the workspace, HOME and folder given, and the files by which it takes orders."""
        workspace = self.base / "workspace"
        workspace.mkdir()
        git = ["git", "-c", "user.name=a", "-c", "user.email=a@example.com"]
        for argv in (["init", "--quiet"], ["commit", "--quiet", "--allow-empty", "--message", "Begin"]):
            self.run_ok([*git, *argv], cwd=workspace)
        folders = {name: self.base / name for name in ("runner_temp", "home", "workflow", "file_commands")}
        for folder in folders.values():
            folder.mkdir()
        self.write("workflow/event.json", "{}")
        orders = ("output", "env", "path", "state", "step_summary")
        for name in orders:
            self.write(f"file_commands/{name}", "", 0o666)
        for folder in (workspace, *folders.values()):
            self.run_ok(["chown", "-R", "1001:1001", str(folder)])
        # What the runner itself sets for an action in a container.
        said = {"HOME": "/github/home", "CI": "true", "GITHUB_ACTIONS": "true", "GITHUB_WORKSPACE": "/github/workspace",
                "RUNNER_TEMP": "/github/runner_temp", "RUNNER_OS": "Linux", "RUNNER_ARCH": "X64", "RUNNER_ENVIRONMENT": "github-hosted",
                "GITHUB_EVENT_NAME": "push", "GITHUB_EVENT_PATH": "/github/workflow/event.json", "GITHUB_REPOSITORY": "acme/infra",
                "GITHUB_RUN_ID": "42", "GITHUB_SERVER_URL": "https://github.com", "GITHUB_API_URL": "https://api.github.com",
                **{f"GITHUB_{name.upper()}": f"/github/file_commands/{name}" for name in orders}}
        layout = ["--rm", "--network", "none", "--workdir", "/github/workspace", "--volume", f"{workspace}:/github/workspace"]
        layout += [word for name, folder in folders.items() for word in ("--volume", f"{folder}:/github/{name}")]
        layout += [word for name, value in said.items() for word in ("--env", f"{name}={value}")]
        for user in ("65534:65534", "0:0", "1001:1001"):
            with self.subTest(user=user):
                argv = ["docker", "run", "--user", user, *layout, "local/countersign", "status", "--json", "sha256:" + "0" * 64]
                done = self.run_any(argv, env=self.daemon.environment())
                said = json.loads(done.stdout)
                self.assertEqual((said["exitCode"], done.returncode), (2, 2))
                # Its owner gets as far as the repository's own lack of a set-up.
                # The image's own user may not even trust the files by which the runner takes orders.
                code = {"1001:1001": "setup.missing", "0:0": "repository.owner"}.get(user, "runner.file_unsafe")
                self.assertEqual(said["reasonCode"], code, said)
                output = self.base / "file_commands/output"
                self.assertEqual(code in output.read_text(), user != "65534:65534", "the step's outputs reach the runner")
                output.write_text("")
        for name in ("env", "path", "state"):
            self.assertEqual((self.base / "file_commands" / name).read_text(), "", "and nothing else does")


class Reproducible(Case):
    """What buildah makes of the same sources."""

    def test_the_same_sources_give_the_same_digest(self) -> None:
        """Twice from different folders of the machine's store; the file `release` names both digests."""
        if not has("buildah", "jq") or not Path("/bin/busybox").exists():
            self.skipTest("skipped: there is no buildah, jq or static busybox")
        if os.geteuid() != 0:
            self.skipTest("skipped: buildah is tried as root only")
        program = shutil.which("true")
        archive = base(self.base, Path(program))
        found = []
        for name in ("one", "two"):
            store = self.write(f"{name}.conf", f'[storage]\ndriver = "vfs"\nrunroot = "{self.base}/{name}-run"\n'
                                               f'graphroot = "{self.base}/{name}-root"\n')
            env = {**os.environ, "CONTAINERS_STORAGE_CONF": str(store), "BUILDAH_ISOLATION": "chroot"}
            image = self.run_ok(["buildah", "pull", "--quiet", f"docker-archive:{self.packed(archive)}"], env=env).strip()
            out = self.base / name
            argv = [ROOT / ".ci/image", out, "ghcr.io/acme/countersign", "--build-arg", f"RUST={image}", "--pull-never"]
            self.run_ok(argv, env=env)
            self.assertEqual((out / "countersign").read_bytes(), Path(program).read_bytes())
            found.append((out / "release").read_text())
        self.assertEqual(found[0], found[1])
        self.assertRegex(found[0], r"^image=ghcr\.io/acme/countersign@sha256:[0-9a-f]{64}\nbinary=sha256:[0-9a-f]{64}\n$")

    def packed(self, layer: Path) -> Path:
        """Pack a layer as an image that buildah can read from a file."""
        import hashlib

        digest = hashlib.sha256(layer.read_bytes()).hexdigest()
        config = {"architecture": "amd64", "os": "linux", "rootfs": {"type": "layers", "diff_ids": [f"sha256:{digest}"]},
                  "config": {}}
        self.write("image/config.json", json.dumps(config))
        shutil.copy(layer, self.base / "image" / "layer.tar")
        self.write("image/manifest.json", json.dumps([{"Config": "config.json", "RepoTags": ["local/rust:1"], "Layers": ["layer.tar"]}]))
        with tarfile.open(self.base / "image.tar", "w") as tar:
            for name in ("config.json", "layer.tar", "manifest.json"):
                tar.add(self.base / "image" / name, arcname=name)
        return self.base / "image.tar"
