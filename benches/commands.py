#!/usr/bin/env python3
"""Measures whole commands beside their peers in one run, and prints the table of docs/benchmarks.md.

    cargo build --release --example fixture
    cargo build --release --bin countersign
    python3 benches/commands.py [--quick] [--long] [--out docs/benchmarks.md]

Needs git, make and sha256sum; uses hyperfine where it is installed. Nothing outside a temporary folder is
written, but for --out. Targets are printed beside what was measured; no test depends on them.
"""

import argparse
import json
import os
import pathlib
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

TOP = pathlib.Path(__file__).resolve().parent.parent
ROWS = []


def row(what, target, measured, passed):
    ROWS.append((what, target, measured, "" if passed is None else "pass" if passed else "FAIL"))
    print(f"  {ROWS[-1][3] or '-':4} {what}: {measured}", file=sys.stderr)


def run(argv, **options):
    """Runs a command that must succeed; returns what it printed."""
    done = subprocess.run([str(part) for part in argv], capture_output=True, text=True, **options)
    if done.returncode != 0:
        sys.exit(f"{argv} ended with {done.returncode}:\n{done.stdout}{done.stderr}")
    return done.stdout.strip()


def seconds(argv, runs, **options):
    """Returns the median and the least wall time of a command, by hyperfine where there is one."""
    argv = [str(part) for part in argv]
    if shutil.which("hyperfine") and runs >= 5:
        import shlex
        with tempfile.NamedTemporaryFile(suffix=".json") as out:
            subprocess.run(
                ["hyperfine", "-N", "--warmup", "3", "--runs", str(runs), "--export-json", out.name, shlex.join(argv)],
                check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **options)
            times = json.load(open(out.name))["results"][0]["times"]
    else:
        times = []
        for _ in range(runs):
            begin = time.perf_counter()
            subprocess.run(argv, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **options)
            times.append(time.perf_counter() - begin)
    return statistics.median(times), min(times)


def once(argv, **options):
    """Runs a command once; returns its wall time, processor time and peak resident memory in MiB."""
    begin = time.perf_counter()
    process = subprocess.Popen([str(part) for part in argv], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, **options)
    said = process.stderr.read()
    _, status, usage = os.wait4(process.pid, 0)
    if status != 0:
        sys.exit(f"{argv} ended with {status}: {said.decode()}")
    return time.perf_counter() - begin, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


def on_one_processor():
    """Lets a child run on one processor only."""
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})


def ms(value):
    return f"{value * 1000:.1f} ms"


class Site:
    """A repository with people and a ledger, made by benches/fixture.rs."""

    def __init__(self, tools, folder):
        self.tools, self.folder = tools, folder

    @classmethod
    def make(cls, tools, folder, entries):
        site = cls(tools, folder)
        site.fixture("make", entries)
        return site

    def copy(self, name):
        """Returns a copy beside it."""
        return Site(self.tools, shutil.copytree(self.folder, self.folder.with_name(name)))

    def fixture(self, what, *args):
        return run([self.tools.fixture, what, self.folder, *args])

    def options(self, person="ada"):
        home = str(self.folder / "homes" / person)
        env = {"HOME": home, "COUNTERSIGN_HOME": home, "PATH": os.environ["PATH"]}
        return {"cwd": self.folder / "repo", "env": env}

    def execute(self, directive, *args):
        """Plans, has it permitted, executes; returns what the execution took."""
        plan = self.fixture("permitted", directive)
        return once([self.tools.countersign, "execute", plan, "--quiet", *args], **self.options())


class Tools:
    def __init__(self, release):
        self.countersign = release / "countersign"
        self.fixture = release / "examples" / "fixture"
        for tool in (self.countersign, self.fixture):
            if not tool.exists():
                sys.exit(f"{tool} is not there: cargo build --release --example fixture && cargo build --release --bin countersign")


def start_up(tools, site, runs):
    bare, quickest = seconds(["/usr/bin/true"], runs)
    row("`true`", "-", ms(bare), None)
    version, _ = seconds([tools.countersign, "--version"], runs)
    row("`countersign --version` over `true`", "10 ms", ms(version - bare), version - bare <= 0.010)
    plan = site.fixture("approved", "note10")
    verify, least = seconds([tools.countersign, "verify", plan], runs, **site.options())
    what = "`verify`: ten steps, two approvals, ledger of 1,000 entries, over `true`"
    row(what, "15 ms", f"{ms(verify - bare)} (of the quickest runs: {ms(least - quickest)})", verify - bare <= 0.015)
    packed = site.copy("packed")
    run(["git", "gc", "--quiet"], **packed.options())
    run(["git", "update-index", "-q", "--refresh"], **packed.options())
    verify, least = seconds([tools.countersign, "verify", plan], runs, **packed.options())
    row("the same, where git has packed all objects", "-",
        f"{ms(verify - bare)} (of the quickest runs: {ms(least - quickest)})", None)


def peers(folder, runs):
    """What the usual tools take to check one signature, as a yardstick; nothing is asked of us here."""
    message = folder / "message"
    message.write_text("a message\n")
    if shutil.which("openssl"):
        key, public, signature = folder / "key.pem", folder / "public.pem", folder / "message.sig"
        run(["openssl", "genpkey", "-algorithm", "ed25519", "-out", key])
        run(["openssl", "pkey", "-in", key, "-pubout", "-out", public])
        run(["openssl", "pkeyutl", "-sign", "-rawin", "-inkey", key, "-in", message, "-out", signature])
        argv = ["openssl", "pkeyutl", "-verify", "-rawin", "-pubin", "-inkey", public, "-in", message, "-sigfile", signature]
        row("context: `openssl pkeyutl -verify`, one signature", "-", ms(seconds(argv, runs)[0]), None)
    if shutil.which("gpg"):
        home = folder / "gnupg"
        home.mkdir(mode=0o700)
        gpg = ["gpg", "--homedir", home, "--batch", "--quiet", "--pinentry-mode", "loopback", "--passphrase", ""]
        run([*gpg, "--quick-generate-key", "a@example.com", "ed25519", "sign"])
        run([*gpg, "--detach-sign", "--output", folder / "message.gpg", message])
        argv = [*gpg, "--no-auto-check-trustdb", "--verify", folder / "message.gpg", message]
        row("context: `gpg --verify`, one signature", "-", ms(seconds(argv, runs)[0]), None)
        subprocess.run(["gpgconf", "--homedir", str(home), "--kill", "all"], stderr=subprocess.DEVNULL)


def steps(tools, folder, site, quick):
    times = 200 if quick else 1000
    bare = float(run([tools.fixture, "spawn", "/usr/bin/true", times])) / 1000
    row("bare spawn of `true`, output captured", "-", ms(bare), None)
    # What a run costs whatever its length is taken off, by a run of one step.
    short = min(site.execute("noop1", "--parallel", "1")[0] for _ in range(3))
    long = min(site.execute("noop201", "--parallel", "1")[0] for _ in range(1 if quick else 3))
    over = (long - short) / 200 - bare
    row("one step over a bare spawn: sandboxed, recorded, one after the other", "3 ms", ms(over), over <= 0.003)
    makefile = site.folder / "Makefile"
    makefile.write_text("all: " + " ".join(f"s{n}" for n in range(1000)) + "\n"
                        + "".join(f"s{n}:\n\t@/usr/bin/true\n" for n in range(1000)))
    made = min(once(["make", "-s", "-j2", "-f", makefile])[0] for _ in range(3))
    row("`make -j2`, 1,000 recipes of `true`", "-", ms(made), None)
    # Each on a ledger as it was: what an earlier run left there would be read again by the next.
    sites = (Site.make(tools, folder / f"thousand{n}", 996) for n in range(1 if quick else 3))
    executed, cpu, peak = min(fresh.execute("noop1000", "--parallel", "2") for fresh in sites)
    row("`execute`, 1,000 steps of `true`, sandboxed and recorded, over `make`", "3.0 x",
        f"{executed / made:.1f} x ({ms(executed)}, {cpu:.1f} s of processor, {peak:.0f} MiB)", executed <= 3 * made)
    begin = time.perf_counter()
    run([tools.countersign, "plan", "directives/noop1000.md", "--no-record", "--out", site.folder / "p.json"], **site.options())
    row("`plan` of 1,000 steps", "-", ms(time.perf_counter() - begin), None)


def ledgers(tools, folder, long):
    for entries in [10_000, 100_000] if long else [10_000]:
        site = Site.make(tools, folder / f"ledger{entries}", entries)
        argv = [tools.countersign, "ledger", "verify"]
        # One processor, alone: two that share a core's units would each seem slower than one is.
        alone = min(once(argv, preexec_fn=on_one_processor, **site.options()) for _ in range(3))
        rate = entries / alone[0]
        row(f"`ledger verify`, {entries:,} entries, every signature, on one processor", "10,000 entries/s",
            f"{rate:,.0f} entries/s ({alone[0]:.2f} s, peak {alone[2]:.0f} MiB)", rate >= 10_000)
        if entries == 100_000:
            wall, _, _ = min(once(argv, **site.options()) for _ in range(2))
            row("the same, on all processors", "10 s", f"{wall:.2f} s", wall <= 10)
        shutil.rmtree(site.folder)


def hashing(tools, folder, runs):
    file = folder / "large"
    with open(file, "wb") as out:
        block = os.urandom(1 << 20)
        for _ in range(512):
            out.write(block)
    ours = min(once([tools.fixture, "hash", file])[0] for _ in range(runs))
    theirs = min(once(["sha256sum", file])[0] for _ in range(runs))
    row("SHA-256 of 512 MiB against `sha256sum`", "at most as long",
        f"{512 / ours:,.0f} MiB/s against {512 / theirs:,.0f} MiB/s", ours <= theirs * 1.02)
    file.unlink()


def machine():
    model = next((line.split(":")[1].strip() for line in open("/proc/cpuinfo") if line.startswith("model name")), "?")
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / (1 << 30)
    return f"{os.cpu_count()} cores ({model}), {memory:.0f} GiB, Linux {platform.release()}, {platform.machine()}"


def table():
    yield "| what | target | measured | |"
    yield "|---|---|---|---|"
    for cells in ROWS:
        yield "| " + " | ".join(cells) + " |"


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--quick", action="store_true", help="fewer runs")
    parser.add_argument("--long", action="store_true", help="also a ledger of 100,000 entries")
    parser.add_argument("--release", type=pathlib.Path, default=TOP / "target" / "release", help="where the binaries are")
    parser.add_argument("--out", type=pathlib.Path, help="also write the table and the machine to this file, between its markers")
    args = parser.parse_args()
    tools, runs = Tools(args.release.resolve()), 20 if args.quick else 100
    load = os.getloadavg()[0]
    with tempfile.TemporaryDirectory(prefix="countersign-bench-") as name:
        folder = pathlib.Path(name)
        site = Site.make(tools, folder / "site", 996)
        # What the set-up wrote is on the disk before anything is measured.
        os.sync()
        start_up(tools, site, runs)
        peers(folder, runs)
        hashing(tools, folder, 2 if args.quick else 5)
        steps(tools, folder, site, args.quick)
        ledgers(tools, folder, args.long)
    size = tools.countersign.stat().st_size / 1e6
    row("release binary, with the forge and with models", "18 MB", f"{size:.1f} MB", size <= 18)
    lines = [*table(), "", f"Machine: {machine()}; load at the start {load:.1f}; Python {platform.python_version()};"
             f" {'hyperfine' if shutil.which('hyperfine') else 'no hyperfine'}."]
    print("\n".join(lines))
    if args.out:
        text = args.out.read_text()
        begin, end = "<!-- table -->\n", "<!-- end of table -->\n"
        head, rest = text.split(begin)
        args.out.write_text(head + begin + "\n".join(lines) + "\n" + end + rest.split(end)[1])
    return 0


if __name__ == "__main__":
    sys.exit(main())
