"""How many requests a minute the API takes, of whom."""
