"""What the sandbox knows of the built-in kinds: data files and the rules that need code."""
