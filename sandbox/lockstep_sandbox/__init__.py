"""A Kubernetes cluster in processes: an API server, controllers and one node on loopback."""
