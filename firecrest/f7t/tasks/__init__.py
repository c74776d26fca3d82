"""Task records: what a task is, where it is kept, who carries it out."""
