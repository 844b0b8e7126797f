"""The Lockstep runtime: fetches one model and serves it over the Open Inference Protocol."""
