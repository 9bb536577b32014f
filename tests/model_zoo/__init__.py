"""Models that people really have: the cases that break other tools, one by one."""
