"""What takes the items of a run through its steps: the threads of this process.

A runner has the methods of `ItemRunner`, by which `Run` knows it. One that uses other processes
calls `PROCESS.start` in each of them, in the directory of the call, because tasks hold paths as the
user gave them, and removes the named copies of spilled rows (`formats/streaming/spill_file.py`)
when it stops.
"""
