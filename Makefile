SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

# Settings for the Swift packages: GitHub's, or the folder that scripts/setup has filled.
swift := eval "$$(scripts/setup --env)" && swift
# Linux has the Swift runtime linked in, so that the program runs where Swift is not installed.
# Across modules: what is generic is compiled for its use elsewhere too, a few percent of a small request.
release := -c release --product cairn -Xswiftc -cross-module-optimization $(if $(filter Linux,$(shell uname)),--static-swift-stdlib)
cairn := .build/release/cairn
compose := docker compose
compose_dev := $(compose) -f docker-compose.yml -f docker-compose.dev.yml
say := printf '==> %s\n'
# Compose takes a variable of the shell before a line of .env.
show_access = @auth="$${AUTH:-$$(. ./.env && echo "$${AUTH:-off}")}"; if [ "$$auth" = required ]; \
  then $(say) 'closed: every request needs an access key; the first one is ACCESS_KEY and SECRET_KEY in .env'; \
  else $(say) 'open: every program on this machine may do everything through 127.0.0.1:8000 and :9000' \
    'a line AUTH=required in .env closes it at the next `make up`'; fi

port := $(or $(PORT),8000)

.PHONY: help
help: ## List these targets
	@echo 'Cairn: make TARGET'
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-12s %s\n", $$1, $$2 }' Makefile

.PHONY: setup
setup: ## Install what the build needs, once (the targets below do it by themselves)
	@scripts/setup

.PHONY: build
build: setup ## Build the program for release: .build/release/cairn
	@$(say) 'building $(cairn) (release)'
	@$(swift) build $(release)

.PHONY: run
run: build ## Build and start `cairn server` on 127.0.0.1:8000 (PORT=… for another), data in ./data
	@mkdir -p data
	@$(say) 'starting cairn server on 127.0.0.1:$(port), data in ./data; Ctrl-C stops it'
	@exec $(cairn) server --host 127.0.0.1 --port $(port) --base-storage-path ./data

.PHONY: test
test: setup ## Build for debugging and run every test
	@scripts/setup --test
	@$(say) 'building and running the tests'
	@$(swift) build --build-tests && swift test --skip-build 2>&1 | scripts/failures-last

.PHONY: chaos
chaos: setup ## Load a cluster while a seeded nemesis harms it (CAIRN_CHAOS_SEEDS=… seeds, CAIRN_CHAOS_SECONDS=… each)
	@$(say) 'building and running the fault tests'
	@$(swift) build --build-tests && CAIRN_CHAOS_SECONDS="$${CAIRN_CHAOS_SECONDS:-120}" \
	  CAIRN_CHAOS_SEEDS="$${CAIRN_CHAOS_SEEDS:-2}" timeout 1800 swift test --skip-build --filter 'Chaos|Contention|Availability'

.PHONY: fuzz
fuzz: setup ## Look for inputs that break a parser, with libFuzzer (FUZZ_SECONDS=… each, FUZZ_TARGETS='…')
	@eval "$$(scripts/setup --env)" && scripts/fuzz

.PHONY: attack
attack: build ## Send mutated requests to every port of a cluster (ATTACK_SECONDS=…, ATTACK_SEED=…)
	@python3 scripts/attack --cairn $(cairn) --seconds $(or $(ATTACK_SECONDS),60) $(if $(ATTACK_SEED),--seed $(ATTACK_SEED))

.PHONY: powercut
powercut: build ## Cut the power of a server under load (CUTS=…, SEED=…; CLUSTER=1 for a cluster, APPENDFSYNC=everysec, LOSE_DISK=1)
	@python3 scripts/powercut --cairn $(cairn) --cuts $(or $(CUTS),200) $(if $(SEED),--seed $(SEED)) \
	  $(if $(CLUSTER),--cluster) $(if $(APPENDFSYNC),--appendfsync $(APPENDFSYNC)) $(if $(LOSE_DISK),--lose-disk)

.PHONY: sanitize
sanitize: setup ## Run the unit and contract tests under the thread and address sanitizers (compiles everything for each)
	@eval "$$(scripts/setup --env)" && scripts/sanitize

.PHONY: lint
lint: setup ## Check formatting, warnings, imports, file lengths and scripts
	@eval "$$(scripts/setup --env)" && scripts/lint

.PHONY: format
format: ## Format every Swift file in place
	@$(say) 'formatting'
	@swift format format --in-place --parallel --recursive Sources Tests Package.swift

.PHONY: docs
docs: setup ## Write docs/cli.md from the definitions of the commands
	@$(say) 'writing docs/cli.md'
	@$(swift) build --build-tests && CAIRN_WRITE_DOCS=1 swift test --skip-build --filter ReferenceTests

.PHONY: bench
bench: build ## Measure the server beside SeaweedFS, nginx and the disk itself (under 10 minutes)
	@scripts/setup --bench
	@python3 scripts/bench --cairn $(cairn)

.PHONY: instructions
instructions: build ## Count the instructions of small requests, compared with another program (BEFORE=…)
	@scripts/instructions "$${BEFORE:?is the program to compare with}" $(cairn)

.PHONY: image
image: ## Build the container image `cairn`
	@scripts/setup --packages
	@$(say) 'building the image cairn'
	@eval "$$(scripts/setup --env)" && docker build --tag cairn \
	  $${CAIRN_SWIFT_PACKAGES:+--build-context "swift-packages=$$CAIRN_SWIFT_PACKAGES"} .

.PHONY: up
up: image .env ## Build the image and start the cluster: Redis, a coordinator on 127.0.0.1:8000, three nodes
	@$(say) 'starting the cluster'
	@$(compose) up --detach --no-build --wait
	@$(MAKE) status
	$(show_access)

.PHONY: up-dev
up-dev: image .env ## The same with debug logs, and with the ports of Redis and of the nodes on 127.0.0.1
	@$(say) 'starting the cluster with debug settings'
	@$(compose_dev) up --detach --no-build --wait
	@$(MAKE) status
	$(show_access)

.PHONY: down
down: .env ## Stop the cluster; its data stays in the volumes
	@$(say) 'stopping the cluster; `docker compose down --volumes` would delete its data'
	@$(compose_dev) down

.PHONY: logs
logs: .env ## Follow the logs of the cluster
	@$(compose) logs --follow --tail 100

.PHONY: status
status: .env ## Ask the cluster for its health and its nodes
	@scripts/healthcheck coordinator 8000 127.0.0.1 || true
	@for node in node1 node2 node3; do \
	  $(compose) exec -T $$node healthcheck $$node 8001 || true; \
	done
	@. ./.env && printf 'Authorization: Bearer %s:%s' "$${ACCESS_KEY:-}" "$${SECRET_KEY:-}" | \
	  curl --silent --show-error --max-time 10 --header @- http://127.0.0.1:8000/nodes && echo

.PHONY: clean
clean: ## Delete what was built; ./data and the package cache stay
	@$(say) 'deleting .build'
	@rm -rf .build

# The secret that the coordinator and the nodes share, and the first access key; made once for this folder.
.env:
	@$(say) 'writing .env with a new CLUSTER_SECRET and a new access key'
	@random() { od -An -N"$$1" -tx1 /dev/urandom | tr -d ' \n'; }; umask 077 && \
	  printf '%s\n' "CLUSTER_SECRET=$$(random 32)" ACCESS_KEY=cairn-admin "SECRET_KEY=$$(random 20)" >.env
