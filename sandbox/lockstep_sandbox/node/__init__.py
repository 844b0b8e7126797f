"""The node: a kubelet, the cluster's DNS and Service addresses."""
