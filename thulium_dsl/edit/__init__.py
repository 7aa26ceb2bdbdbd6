"""Documents completed and brought up to date."""
