"""One HTML page of a finished run, made from its directory alone."""
