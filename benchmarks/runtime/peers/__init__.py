"""Programs that run in the peers' own environments: none of ours is installed there."""
