"""`make bench-runtime`: the model server beside its peers; see docs/benchmarks.md."""
