"""The Lockstep operator: ModelDeployments become pods, exact traffic and honest conditions."""
