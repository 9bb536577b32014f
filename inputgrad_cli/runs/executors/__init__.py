"""What carries out the steps of a run: the threads of this process.

An executor has the methods of `LocalExecutor`. One that uses other processes calls `PROCESS.start`
in each of them, in the directory of the call, because tasks hold paths as the user gave them, and
removes the named copies of spilled rows (`formats/streaming/spill_file.py`) when it stops.
"""
