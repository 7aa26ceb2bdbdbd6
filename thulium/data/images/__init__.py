"""Image files, and the grey line that a model reads."""
