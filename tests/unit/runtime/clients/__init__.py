"""Programs that use other people's clients, run by the Python of `.venv/clients`."""
