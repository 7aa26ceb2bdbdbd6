"""What tables of people and programs call the column of a line's image, and that of its text."""

from __future__ import annotations

IMAGES = ("image", "file", "name", "file_name", "filename", "image_name", "path", "img", "picture", "line_image", "im")
TEXTS = ("text", "transcription", "transcript", "label", "ground_truth", "sentence", "gt")
