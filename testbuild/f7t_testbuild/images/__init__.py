"""The images of the Docker runtime: which there are, how they are made where none can be pulled."""
