"""Text to document: nodes with their places, scalars, included files; and changes to a text."""
