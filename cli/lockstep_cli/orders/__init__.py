"""What each command would write, one decision per file: Situation in, Order out; no I/O."""
