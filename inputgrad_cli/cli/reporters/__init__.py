"""How a run is reported: text, JSON lines, JUnit, and the status line."""
