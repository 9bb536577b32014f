"""Faults: kills, full disks, signals, locks, and every call to the disk failing in its turn.

The numbers are those of the list of 55 fault cases; `covered.py` says where each one is shown.
"""
