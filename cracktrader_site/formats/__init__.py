"""How times are written where nobody says how, by language."""
