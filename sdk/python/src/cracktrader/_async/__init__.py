"""The asynchronous half: written by hand."""
