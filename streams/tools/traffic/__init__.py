"""What made traffic consists of: well-formed records, by numbers and names."""
