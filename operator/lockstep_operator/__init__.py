"""The Lockstep operator: reconciles ModelDeployments into pods, exact traffic and honest conditions."""
