"""The commands of `f7t`, one module per thing a person wants."""
