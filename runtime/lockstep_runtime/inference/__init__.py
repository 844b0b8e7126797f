"""Running the model: what waits is one batch, and the model computes one batch at a time."""
