"""Changes of table rows: what may change, the cheapest change, and its search."""
