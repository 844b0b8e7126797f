"""Gates: from samples of what the revisions do to verdicts about the candidate. Pure."""
