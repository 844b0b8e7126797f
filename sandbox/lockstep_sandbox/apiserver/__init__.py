"""A small, pessimistic Kubernetes API server; `server.serve` is the way in.

A request goes front -> routes -> handlers -> reads | writes | patching | deletes | watch, and a
write through bodies, structural, builtin/*, managed and custom into the store.

Weaker than a real server: no admission plugins, no quotas, no
priority and fairness; conversion between versions changes apiVersion only; CEL costs are guessed
and few of Kubernetes' CEL functions are there; messages about wrong types in built-in kinds are
less exact; a deleted definition takes its objects along without waiting for their finalizers;
evictions do not look at budgets; role aggregation and the roles admin, edit and view are absent;
only administrators may write roles; exec, attach and port-forward answer 501.
"""
