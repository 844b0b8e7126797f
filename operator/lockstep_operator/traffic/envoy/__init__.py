"""Traffic by Envoy: one router per namespace, configured through the files of one ConfigMap."""
