# Names for plain commands. `make demo` and `make test` are all that a new machine needs.
export CARGO_TERM_COLOR ?= auto
TARGET := $(or $(CARGO_TARGET_DIR),target)
RECONCILE := $(TARGET)/debug/reconcile
DEMO := $(TARGET)/demo

.PHONY: help setup build demo test test-fast bench mutants lint goldens pictures rehearse bed-up bed-down clean-bed

help: ## What can be made
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/' | column -t -s "$$(printf '\t')"

setup: ## Install what the build needs and lacks: protoc and its files (Debian, asks for root)
	@./tests/setup

build: setup ## The program, for development
	cargo build --locked

demo: build ## The main job end to end, on a sandbox: check with changes, apply, check in sync
	@./examples/demo $(RECONCILE) $(DEMO)

test: setup ## All levels; what cannot run here is named with the reason
	@./tests/run

test-fast: setup ## Level 0 only: no etcd, no Kubernetes
	RECONCILE_TEST_NO_BED='level 0 only' cargo test --locked --lib --bins --test '*' -- --skip live_etcd

bench: setup ## What the release program takes, as one table and in docs/performance.md (a minute once it is built, which takes a quarter of an hour; best alone on the machine)
	cargo build --locked --release --bin reconcile --example performance
	$(TARGET)/release/examples/performance --write

mutants: setup ## Break every rule and guard in turn: does a test notice? (half an hour)
	@tests/mutants --behaviour

lint: ## As CI does
	cargo fmt --all --check
	cargo clippy --locked --all-targets -- -D warnings

goldens: ## Rewrite golden files and generated documents; read the diff afterwards
	# Schemas first: the program is built with them.
	SNAPSHOTS=overwrite cargo test --locked --test schemas || true
	SNAPSHOTS=overwrite cargo test --locked --no-fail-fast || true
	git diff --stat

pictures: setup ## Draw the README's pictures again (docs/pictures), from what the program prints today
	SNAPSHOTS=overwrite cargo test --locked --test pictures

rehearse: setup ## A million (state, wish, faults) against the laws, on the model: 90,000 stories (release build)
	cargo run --locked --release -- rehearse --schedules 90000

bed-up: ## A real one-node Kubernetes for the stories (root; see tests/bed/README.md)
	tests/bed/bed up

bed-down: ## End it and leave nothing behind
	tests/bed/bed down
