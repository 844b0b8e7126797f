"""`make demo`: two real model versions, a canary, a promotion and a rollback, and their numbers."""
