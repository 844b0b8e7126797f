"""One module per command: options in, I/O, and the printed result."""
