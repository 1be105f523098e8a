# The two commands that matter on a fresh machine: `make demo` and `make test`.

GO ?= go
GOLANGCI = github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0
# The race detector needs a C compiler.
RACE = $(shell command -v gcc >/dev/null 2>&1 && echo -race)

.PHONY: demo test lint cross bench build terraform release reproducible generate

demo: ## rehearse the example: build, push, shift under load, roll back
	$(GO) run ./cmd/turnout rehearse examples/hello

# Most tests wait more than they compute, hence more packages at a time than cores.
test: ## all tests; what cannot run here is told (TURNOUT_NO_SKIP=1 makes that a failure)
	.ci/needs
	$(GO) vet ./...
	@. .ci/env; $(GO) test -json $(RACE) -p 3 -timeout 15m ./... | $(GO) run ./internal/tools/testsummary

lint: ## gofmt, go vet, golangci-lint
	@bad=$$(gofmt -l $$(git ls-files '*.go')); test -z "$$bad" || { echo "$$bad"; echo "run gofmt -w on these"; exit 1; }
	$(GO) run $(GOLANGCI) run ./...

cross: ## that it compiles for every other system
	@for os in windows darwin; do for arch in amd64 arm64; do echo "compile for $$os/$$arch"; \
	CGO_ENABLED=0 GOOS=$$os GOARCH=$$arch $(GO) build -o /dev/null ./cmd/turnout || exit 1; done; done

bench: ## benchmarks, as ratios in one run
	$(GO) test -run '^$$' -bench . -benchmem ./cloud/internal/... ./internal/...

build: ## one static binary in bin/
	CGO_ENABLED=0 $(GO) build -trimpath -o bin/turnout ./cmd/turnout

terraform: ## the real Terraform makes, changes and destroys the example's infrastructure in a local cloud
	$(GO) run ./internal/tools/terraform

release: ## dist/: binaries for every system, archives, bills of materials, an image, checksums
	$(GO) run ./internal/tools/release -out dist

reproducible: ## the release twice, the second time from a clone with an empty build cache: the same bytes
	$(GO) run ./internal/tools/release -out dist -check

generate: ## generated files: constraints, parity, diagrams, schemas, docs/cli.md
	$(GO) generate ./...
