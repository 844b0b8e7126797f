"""Everything of the operator that touches the world: the API server, pods, time, logs."""
