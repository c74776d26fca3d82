"""What a task does once it was accepted."""
