"""Values, rules, errors and ports that every part speaks. No I/O can live here."""
