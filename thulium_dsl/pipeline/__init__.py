"""From an experiment to DVC's pipeline, and what would run in it."""
