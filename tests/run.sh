#!/usr/bin/env bash
# Runs every test, and installs the tools that they need where they are missing.
set -euo pipefail
cd "$(dirname "$0")/.."

say() { printf '\n== %s\n' "$*"; }

say "tools"
missing=()
command -v ssh-keygen >/dev/null || missing+=(openssh-client)
command -v sqlite3 >/dev/null || missing+=(sqlite3)
command -v curl >/dev/null || missing+=(curl)
command -v gcc >/dev/null || missing+=(gcc)
command -v make >/dev/null || missing+=(make)
command -v psql >/dev/null || missing+=(postgresql-client)
if ! command -v postgres >/dev/null && ! ls /usr/lib/postgresql/*/bin/postgres >/dev/null 2>&1; then
  missing+=(postgresql)
fi
if [ "${#missing[@]}" -gt 0 ]; then
  if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq "${missing[@]}" >/dev/null
  else
    echo "not installed, their tests are skipped and say so: ${missing[*]}"
  fi
fi
command -v cargo-deny >/dev/null || cargo install --locked --quiet cargo-deny

say "format, lints, dependencies"
cargo fmt --check
cargo clippy --all-targets --quiet -- -D warnings
cargo deny --offline --log-level error check bans licenses sources

say "scripts of the pipelines"
python3 -B -m unittest discover -s tests/scripts

say "documentation tests"
cargo test --doc --quiet

say "tests"
cargo test --lib --bins --tests
