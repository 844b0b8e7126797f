"""The `lockstep` command, also installed as `kubectl-lockstep`."""
