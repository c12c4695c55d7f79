"""What is refused at the start, and what its advice leads to."""
