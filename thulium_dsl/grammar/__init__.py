"""What a document may say: schemas, rules, and the values that come of it."""
