"""What goes wrong in a benchmark, said in one line."""


class BenchmarkError(Exception):
    """Something is missing on this machine, or a server could not be measured."""
