# Shows the recipes.
default:
    @just --list

# Formatting and lints, without building a test.
check:
    scripts/check

# Everything a change must pass; the second command of the README.
test *ARGS:
    scripts/test {{ARGS}}

# Starts a Milvus server to test against, in a network namespace of its own; `scripts/milvus exec CMD` reaches it.
milvus-up:
    scripts/milvus up

# Stops it.
milvus-down:
    scripts/milvus down

# Formats every Rust file.
fmt:
    cargo fmt --all

# Prints every number of the README with the peer beside it: all, or ingest memory reindex cold query eval.
bench *WHAT="all":
    cargo build --release --locked --package fovea
    python3 bench/run.py {{WHAT}}

# Makes the golden vectors again from the models' own Python packages.
golden:
    scripts/golden
