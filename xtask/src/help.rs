//! What `cargo xtask help` says.

/// The words and what each does.
pub(crate) const TEXT: &str = "\
The project's chores. Usage: cargo xtask WORD

  setup           install the programs that tests and benchmarks run against (the peers), at pinned versions
  check           compile everything, run nothing
  lint            formatting, clippy and the dependency policy
  policy          the dependency policy alone: edges between crates, licences, banned crates
  test            set-up, lint, every test, both conformance suites, real clients; ends with one line of totals
  conformance     both generations of the OCI conformance suite against a freshly started wharf
  interop [NAME]  real clients against wharf (skopeo, podman, helm, oras, crane, regctl, cosign)
  interop charts [--deep [COUNT]] [CHART ..]
                  real charts rendered by helm and by wharf, compared byte for byte; --deep: with COUNT (100)
                  generated flags and values each
  interop lint [CHART ..]
                  what both say about real charts in `lint`
  interop recorded [--record]
                  the recorded commands with small charts: Helm still answers so, and Wharf does; --record: write Helm's
                  answers anew
  e2e oras [FOLDER]
                  ORAS's own end-to-end suite against `wharf oras`, from a copy outside of this repository (default:
                  wharf/e2e/oras in the user's cache); not part of `test`
  fuzz [TARGET] [SECONDS]
                  every fuzz target or one, a minute each; needs cargo-fuzz and a nightly compiler
  bench registry [--quick] [WORKLOAD ..]
                  Wharf, zot and Distribution on this machine; prints a Markdown table (docs/BENCHMARKING.md)
  bench render [--quick] [CHART ..]
                  `wharf helm template` beside helm on real charts; prints a Markdown table
  bench copy [--quick] [image] [small] [index]
                  pull, push and copy: Wharf, oras, crane, skopeo and regctl between the same two registries
  bench trust [--quick]
                  verify, sign and promote: Wharf beside cosign, oras and crane on a local registry
  help            this text

Environment:
  WHARF_PEERS     folder of the installed peers (default: wharf/peers in the user's cache, shared by checkouts)
  WHARF_SHARED    folder with the charts to compare and to measure (default: ../shared)
  WHARF_CHARTS    another folder of charts to compare and to measure, at any depth: a checkout of a chart repository
  WHARF_PROGRAM   another build of wharf to run conformance and interop against
  CI=true         a missing peer is a failure instead of a skip, unless its source refuses it to this machine
";
