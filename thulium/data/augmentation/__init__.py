"""Changes to training lines: what is drawn for a line, and how it is applied."""
