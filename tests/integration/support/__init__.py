"""What the integration tests drive: a sandbox, an operator process, real models and real load."""
