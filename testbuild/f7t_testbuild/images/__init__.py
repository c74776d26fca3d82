"""The images of the Docker runtime: which there are, how they are built where nothing can be pulled."""
