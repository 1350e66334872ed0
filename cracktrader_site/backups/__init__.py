"""A desk in one file: made while it works, restored whole or not at all, on either database."""
