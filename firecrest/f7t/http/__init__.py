"""What is HTTP only: the gateway in front of the services."""
