"""`make bench`: ratios against a bare baseline in the same run; see docs for how to read them."""
