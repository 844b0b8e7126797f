"""What the operator works on: one ModelDeployment at a time."""

Key = tuple[str, str]
"""Namespace and name of a ModelDeployment."""
