"""Traffic providers: one small interface, one package per provider."""
