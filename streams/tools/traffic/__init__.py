"""The records of generated traffic: well-formed, built from numbers and names."""
