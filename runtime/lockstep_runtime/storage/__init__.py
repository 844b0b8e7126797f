"""Where models come from, and how their bytes get here: verified, and all or nothing."""
