"""The language: text in, values and a graph out. Imports neither torch nor numpy."""
