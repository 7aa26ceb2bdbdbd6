"""What goes between a project and other places: models and lines that are fetched, models that are published."""
