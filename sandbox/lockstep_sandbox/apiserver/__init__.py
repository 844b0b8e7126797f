"""A small, pessimistic Kubernetes API server; see server.py for the way in."""
