"""Thulium inside other programs."""
