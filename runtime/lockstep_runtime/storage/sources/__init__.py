"""One module per source of models; each has `parse(uri, options) -> Source`."""
