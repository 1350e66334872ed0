"""Real orders: from a run's decision to the venue's books and back, exactly once."""
