"""Request/response pairs recorded from a real kube-apiserver, and the tools that use them."""
