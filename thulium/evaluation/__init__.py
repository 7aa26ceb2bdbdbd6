"""Reading lines with a trained model, and judging what was read."""
