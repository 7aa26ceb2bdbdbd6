"""From data as people have them to prepared lines: readers, cutting, splitting, and the report of what was found."""
