"""A search for secrets in the bytes that leave."""
