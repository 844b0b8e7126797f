"""The controllers of kube-controller-manager that a served model needs."""
