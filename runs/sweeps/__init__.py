"""One strategy tried with many parameters: from the request to what may be concluded."""
