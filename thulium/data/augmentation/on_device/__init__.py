"""What was drawn for lines, applied to a batch of them where the model computes, with torch."""
