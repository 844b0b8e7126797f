"""A crash at every single write of every rollout path, in one process, in virtual time."""
