"""The synchronous half: written by hand.

Generated of _async/__init__.py by generate.py: change that.
"""
