"""prepare, train, evaluate: where the parts are put together, and nowhere else."""
