"""The tests: laws, closed forms, real faults."""
