"""What is written of a run."""
