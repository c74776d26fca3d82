"""Deliberately faulty servers: the suite is good when it finds each of them out."""
