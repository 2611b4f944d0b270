#!/usr/bin/env bash
# Resolve pyproject.toml for Python 3.11 to 3.14 into one hashed lock, and Binder's direct needs out of that lock.
set -euo pipefail
cd "$(dirname "$0")/.."
compile() { .venv/bin/uv pip compile --quiet --universal --fork-strategy fewest --python-version 3.11 \
    --no-annotate --no-emit-index-url --custom-compile-command "make lock" pyproject.toml "$@"; }
compile --generate-hashes --extra book --extra data --group dev --output-file requirements.txt
compile --no-deps --extra book --group lab --constraint requirements.txt --output-file binder/requirements.txt
